#!/usr/bin/env python3
"""tests/run counts right, and tests/lint sees what it says it sees."""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
TESTS = os.path.dirname(HERE)
sys.path.insert(0, TESTS + '/lib')

import tap	# noqa: E402


class Tree(unittest.TestCase):
    """A small tree with a copy of the tool."""

    def setUp(self):
        self.top = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.top)

    def write(self, path, text, mode=0o755):
        path = os.path.join(self.top, path)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, 'w') as f:
            f.write(text)
        os.chmod(path, mode)

    def tool(self, name, *args):
        os.makedirs(self.top + '/tests', exist_ok=True)
        shutil.copy(TESTS + '/' + name, self.top + '/tests')
        env = {'PATH': os.environ['PATH']}
        p = subprocess.run(
            [sys.executable, self.top + '/tests/' + name, *args],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            env=env)
        return p.returncode, p.stdout


class Run(Tree):
    def run_one(self, body, *args):
        self.write('tests/x/test_x.py', body)
        status, out = self.tool('run', '--build', self.top, *args, 'tests/x')
        self.assertEqual(status == 0, ', 0 failed' in out, out)
        return out.splitlines()[-1]

    def test_points_are_counted(self):
        self.assertEqual(self.run_one(
            'print("1..2\\nok 1 - a\\nok 2 - b")'), '2 passed, 0 failed')

    def test_a_failed_point(self):
        self.assertEqual(self.run_one(
            'print("ok - a\\nnot ok - b")'), '1 passed, 1 failed')

    def test_a_status_without_a_failed_point(self):
        self.assertEqual(self.run_one(
            'print("ok - a"); raise SystemExit(3)'), '1 passed, 1 failed')

    def test_a_crash(self):
        self.assertEqual(self.run_one(
            'import os\nprint("ok - a", flush=True)\nos.abort()'),
            '1 passed, 1 failed')

    def test_no_point(self):
        self.assertEqual(self.run_one('pass'), '0 passed, 1 failed')

    def test_fewer_than_planned(self):
        self.assertEqual(self.run_one('print("1..3\\nok 1 - a")'),
                         '1 passed, 1 failed')

    def test_a_skip_is_a_failure_unless_allowed(self):
        body = 'print("ok - a\\nok - b # SKIP no peer")'
        self.assertEqual(self.run_one(body), '1 passed, 1 failed')
        self.assertEqual(self.run_one(body, '--allow-skips'),
                         '1 passed, 0 failed, 1 skipped')

    def test_too_slow(self):
        self.assertEqual(self.run_one(
            '# timeout: 1\nimport time\nprint("ok - a", flush=True)\n'
            'time.sleep(60)'), '1 passed, 1 failed')

    def test_sweep(self):
        """It knows that it is one, and shows what was tried."""
        self.write('tests/crash/sweep_x.py', '''
import os
print("# row: cut | b | 12 | 0 | 1 | 2\\n# row: a kill | a | 3 | 0 | 0 | 0")
print("ok - " + os.environ["TAMIS_SWEEP"] + os.environ["TAMIS_SEEDS"] +
      os.environ["TAMIS_SWEEP_SECONDS"])
''')
        self.write('tests/other/test_y.py', 'print("not ok - no sweep")')
        status, out = self.tool('run', '--build', self.top, '--sweep',
                                '--minutes', '2', '-v')
        self.assertEqual(status, 0, out)
        self.assertIn('ok - 1100090.0', out)
        self.assertEqual(out.splitlines()[-6:], [
            '',
            'fault   place  points  lost  doubled  wrong',
            'a kill  a           3     0        0      0',
            'cut     b          12     0        1      2',
            '', '1 passed, 0 failed'])
        _, out = self.tool('run', '--build', self.top, '--list')
        self.assertEqual(out, 'tests/other/test_y.py\ntests/lint\n')

    def test_nothing_to_run(self):
        status, out = self.tool('run', '--build', self.top, 'tests/none')
        self.assertEqual((status, out.splitlines()[-1]),
                         (1, '0 passed, 1 failed'))

    def test_a_unit_that_was_not_built(self):
        self.write('tests/unit/test_a.c', 'int x;\n')
        status, out = self.tool('run', '--build', self.top, 'tests/unit')
        self.assertEqual(status, 1)
        self.assertIn('tests/unit/test_a was not built', out)

    def test_what_a_test_left_running_is_ended(self):
        self.assertEqual(self.run_one(
            'import subprocess, sys\n'
            'p = subprocess.Popen(["sleep", "300"])\n'
            'open("%s/pid", "w").write(str(p.pid))\n'
            'print("ok - a")' % self.top), '1 passed, 0 failed')
        with open(self.top + '/pid') as f:
            pid = f.read()
        try:
            with open('/proc/%s/stat' % pid) as f:
                state = f.read().rpartition(')')[2].split()[0]
        except FileNotFoundError:
            state = 'gone'
        self.assertIn(state, ('gone', 'Z', 'X'))


C = '''\
#include "%s.h"

int %s_x(void)
{
	return 1;
}
'''
H = '''\
#ifndef TAMIS_%s_H
#define TAMIS_%s_H

int %s_x(void);

#endif
'''


class Lint(Tree):
    def setUp(self):
        super().setUp()
        self.write('Makefile.am', 'x = \\\n\trules/a.c \\\n\trules/a.h \\\n'
                   '\tengine/b.c \\\n\tengine/b.h\n')
        self.write('rules/a.c', C % ('a', 'a'))
        self.write('rules/a.h', H % ('A', 'A', 'a'))
        self.write('engine/b.c', C % ('b', 'b'))
        self.write('engine/b.h', H % ('B', 'B', 'b'))
        for name in ('package', 'quickstart', '.ci/run', 'tests/run'):
            self.write(name, '#!/bin/bash\n')

    def failed(self):
        status, out = self.tool('lint')
        failed = re.findall(r'^not ok - (.*)$', out, re.M)
        self.assertEqual(bool(failed), status != 0, out)
        return failed

    def expect(self, path, text, what):
        self.write(path, text)
        failed = self.failed()
        self.assertTrue(any(what in f for f in failed), failed)

    def test_clean(self):
        self.assertEqual(self.failed(), [])

    def test_direction(self):
        self.expect('rules/a.c', '#include "../engine/b.h"\n' + C % (
            'a', 'a'), 'from engine/ to rules/')

    def test_library_in_a_second_room(self):
        self.expect('engine/b.c', '#include <yaml.h>\n' + C % ('b', 'b'),
                    'in its room')

    def test_banned(self):
        for call in ('strcpy(a, b)', 'sprintf (a, b)', 'system(x)'):
            with self.subTest(call):
                self.expect('engine/b.c', C % ('b', 'b') +
                            '\nvoid f(void)\n{\n\t%s;\n}\n' % call,
                            'no banned')

    def test_not_banned(self):
        self.write('engine/b.c', C % ('b', 'b') + '/* strcpy(a, b) */\n'
                   'const char *b_y = "system(1)";\n'
                   'int b_system(int);\n')
        self.assertEqual(self.failed(), [])

    def test_memory(self):
        self.expect('engine/b.c', C % ('b', 'b') + 'void *p = malloc(1);\n',
                    'arenas')

    def test_exit(self):
        self.expect('engine/b.c', C % ('b', 'b') +
                    'void f(void)\n{\n\texit(1);\n}\n', 'exit')

    def test_pure(self):
        self.expect('rules/a.c', C % ('a', 'a') +
                    'int f(void)\n{\n\treturn getenv("A") != 0;\n}\n',
                    'pure')
        self.expect('rules/a.c', C % ('a', 'a') + 'static int count;\n',
                    'pure')

    def test_circle_of_headers(self):
        self.write('engine/b.h', '#ifndef TAMIS_B_H\n#define TAMIS_B_H\n'
                   '#include "c.h"\n#endif\n')
        self.write('Makefile.am', 'x = rules/a.c rules/a.h engine/b.c '
                   'engine/b.h engine/c.h\n')
        self.expect('engine/c.h', '#ifndef TAMIS_C_H\n#define TAMIS_C_H\n'
                    '#include "b.h"\n#endif\n', 'circle')

    def test_circle_of_rooms(self):
        """But a header that several files of a room share is none."""
        self.write('engine/b.c', C % ('b', 'b') + '#include "b_room.h"\n')
        self.write('engine/b_more.c', '#include "b_room.h"\n')
        self.write('engine/b_room.h', '#ifndef TAMIS_B_ROOM_H\n'
                   '#define TAMIS_B_ROOM_H\n#include "b.h"\n#endif\n')
        self.write('Makefile.am', 'x = rules/a.c rules/a.h engine/b.c '
                   'engine/b.h engine/b_more.c engine/b_room.h engine/c.c '
                   'engine/c.h\n')
        self.write('engine/c.h', '#ifndef TAMIS_C_H\n#define TAMIS_C_H\n'
                   '#include "b.h"\n#endif\n')
        self.write('engine/c.c', '#include "c.h"\n')
        self.assertNotIn('circle', ' '.join(self.failed()))
        self.expect('engine/b_more.c', '#include "b_room.h"\n'
                    '#include "c.h"\n', 'circle')

    def test_header_that_needs_another(self):
        self.expect('engine/b.h', '#ifndef TAMIS_B_H\n#define TAMIS_B_H\n'
                    'size_t b_n(void);\n#endif\n', 'compiles alone')

    def test_line_too_long(self):
        self.expect('engine/b.c', C % ('b', 'b') + '/* %s */\n' % ('x' * 90),
                    'columns')

    def test_blanks_for_a_tab(self):
        self.expect('engine/b.c', (C % ('b', 'b')).replace(
            '\t', ' ' * 8), 'columns')

    def test_not_listed(self):
        self.expect('engine/c.c', 'int c;\n', 'Makefile.am')

    def test_not_on_the_map(self):
        self.expect('CONTRIBUTING.md', '| `a` | one |\n', 'map')
        self.write('CONTRIBUTING.md', '| `a`, `b.c` | both |\n')
        self.assertEqual(self.failed(), [])

    def test_words(self):
        for word in ('/wo' + 'rk/main', 'FIX' + 'ME'):
            with self.subTest(word):
                self.expect('README.md', word + '\n', 'words')


if __name__ == '__main__':
    tap.main()

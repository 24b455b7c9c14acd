#!/usr/bin/env python3
"""tamis run over a SOURCE: files, mboxes, standard input, Maildirs."""
# timeout: 240

import os
import stat
import subprocess
import sys
import unittest

import maildir
import runs
import tamis
import tap
from mailmaker import message

RULES = '''
rules:
  - {name: star, when: {subject: star}, then: [{mark: starred}]}
  - {name: label, when: {subject: label}, then: [{label: lists/one}]}
  - {name: go, when: {subject: go}, then: [{move: Gone/far}]}
  - {name: keep, when: {subject: keep}, then: [{copy: Kept}]}
  - {name: due, when: {body: amount due}, then: [{label: due}]}
  - {name: old, applies_to: all, when: {age: {over: 5200w}}, then: [trash]}
'''
STAR = frozenset(['\\Flagged'])
MEMORY_MAX = 32 * 1024		# KiB


# A small process between us and the program: what a child had in memory
# before exec counts as its own.
MEASURE = '''
import os, subprocess, sys
p = subprocess.Popen(sys.argv[1:], stdout=subprocess.DEVNULL)
_, status, used = os.wait4(p.pid, 0)
print(os.waitstatus_to_exitcode(status), used.ru_maxrss)
'''


def sanitized():
    with open(tamis.PROGRAM, 'rb') as f:
        return b'__asan_init' in f.read()


class Base(runs.Case):
    def setUp(self):
        super().setUp()
        self.rules = self.t.rules(RULES)
        self.box = self.t.home + '/Mail'

    def source(self, status, *args, **more):
        """A run without a config."""
        r = self.expect(status, '-r', self.rules, 'run', *args, **more)
        self.assertFalse(os.path.exists(self.t.state_dir))
        return r

    def file(self, name, data):
        path = os.path.join(self.t.folder, name)
        with open(path, 'wb') as f:
            f.write(data)
        return path

    def judged(self, r):
        """{message number: [what would be done]}."""
        return {int(o['message_id'].split('@')[0]):
                [(c['do'], c['what']) for c in o['changes']]
                for o in r.json() if o['type'] == 'message'}

    def run_line(self, r):
        return [o for o in r.json() if o['type'] == 'run'][-1]


def mbox(*messages):
    return b''.join(b'From alice@example.org Thu Jan 15 10:00:00 2026\n' +
                    m.replace(b'\r\n', b'\n') + b'\n' for m in messages)


WANTED = {1: [('flag', '\\Flagged')], 2: [('label', 'lists/one')],
          3: [('move', 'Gone/far')], 4: [('label', 'due')]}
MAIL = [message(1, subject='star'), message(2, subject='label'),
        message(3, subject='go'),
        message(4, body='the amount due is 1 EUR\r\n'), message(5)]


class Files(Base):
    def test_eml(self):
        paths = [self.file('%d.eml' % n, m) for n, m in enumerate(MAIL)]
        before = tamis.snapshot(self.t.folder)
        r = self.source(1, '--dry-run', '--json', *paths)
        self.assertEqual(self.judged(r), WANTED)
        self.assertEqual(self.run_line(r)['judged'], 5)
        self.assertEqual(tamis.snapshot(self.t.folder), before)
        self.source(0, '--dry-run', paths[4])
        r = self.source(1, '--dry-run', paths[0])
        self.assertIn('star', r.out)

    def test_mbox(self):
        path = self.file('mbox', mbox(*MAIL))
        r = self.source(1, '--dry-run', '--json', path)
        self.assertEqual(self.judged(r), WANTED)
        self.assertEqual(self.run_line(r)['judged'], 5)

    def test_standard_input(self):
        r = self.source(1, '--dry-run', '--json', '-', input=mbox(*MAIL))
        self.assertEqual(self.judged(r), WANTED)
        r = self.source(1, '--dry-run', '--json', '-', input=MAIL[1])
        self.assertEqual(self.judged(r), {2: WANTED[2]})
        self.source(0, '--dry-run', '-', input=MAIL[4])
        r = self.t.run('-r', self.rules, 'run', '--dry-run', '-', input=b'')
        self.sane(r)
        self.assertIn(r.status, (0, 2), r)

    def test_they_are_only_read(self):
        path = self.file('1.eml', MAIL[0])
        for source in ([path], [self.file('mbox', mbox(*MAIL))], ['-'],
                       [path, '-']):
            before = tamis.snapshot(self.t.folder)
            r = self.source(tamis.USAGE, *source, input=MAIL[0])
            self.assertIn('--dry-run', r.err)
            self.assertEqual(tamis.snapshot(self.t.folder), before)

    def test_several(self):
        maildir.deliver(self.box, [MAIL[2]])
        r = self.source(
            1, '--dry-run', '--json', self.file('1.eml', MAIL[0]), self.box,
            self.file('mbox', mbox(MAIL[1], MAIL[4])), '-', input=MAIL[3])
        self.assertEqual(self.judged(r), WANTED)

    def test_missing(self):
        good = self.file('1.eml', MAIL[0])
        r = self.source(tamis.USAGE, '--dry-run', self.t.folder + '/none')
        self.assertIn('/none', r.err)
        r = self.t.run('-r', self.rules, 'run', '--dry-run', '--json', good,
                       self.t.folder + '/none')
        self.assertNotIn(r.status, (0, 1), r)
        self.assertIn('/none', r.err)

    def test_what_is_no_mail(self):
        for name, make in (
                ('folder', os.mkdir),
                ('empty', lambda p: open(p, 'w').close()),
                ('noise', lambda p: open(p, 'wb').write(
                    os.urandom(65536))),
                ('zeros', lambda p: open(p, 'wb').write(
                    b'\0' * 100000))):
            path = self.t.folder + '/' + name
            made = make(path)
            del made
            with self.subTest(name):
                r = self.t.run('-r', self.rules, 'run', '--dry-run', path,
                               timeout=20)
                self.sane(r)
                self.assertIn(r.status, (0, 1, 2, 3), r)
                if name == 'folder':
                    self.assertEqual(r.status, tamis.USAGE, r)
                    self.assertIn(path, r.err)

    def test_not_readable(self):
        path = self.file('1.eml', MAIL[0])
        os.chmod(path, 0)
        r = self.source(tamis.USAGE, '--dry-run', path,
                        wrap=self.t.ordinary_user())
        self.assertIn(path, r.err)

    def test_a_pipe_by_name(self):
        """As <(gunzip -c mbox.gz) of a shell."""
        path = self.file('mbox', mbox(*MAIL))
        r = self.source(1, '--dry-run', '--json', '/dev/fd/3', wrap=[
            'sh', '-c', 'cat %s | { exec 3<&0 </dev/null; exec "$0" "$@"; }'
            % path])
        self.assertEqual(self.judged(r), WANTED)

    def test_without_rules(self):
        r = self.t.run('run', '--dry-run', self.file('1.eml', MAIL[0]))
        self.assertEqual(r.status, tamis.BAD_CONFIG, r)
        self.assertIn('-r', r.err)

    def test_rules_of_the_config(self):
        self.configure()
        r = self.expect(1, 'run', '--dry-run', '--json',
                        self.file('1.eml', MAIL[0]))
        self.assertEqual(self.judged(r), {1: WANTED[1]})

    def test_a_limit(self):
        self.rules = self.t.rules('''
rules:
  - {name: few, limit: 2, when: {subject: message}, then: [trash]}
''')
        path = self.file('mbox', mbox(*[message(n) for n in range(1, 4)]))
        r = self.source(tamis.BRAKE, '--dry-run', path)
        self.assertIn('few', r.err)
        self.source(1, '--dry-run', '--allow', 'few', path)


class Maildirs(Base):
    def test_it_is_filtered(self):
        maildir.deliver(self.box, MAIL)
        before = tamis.snapshot(self.box)
        r = self.source(1, '--dry-run', '--json', self.box)
        self.assertEqual(self.judged(r), WANTED)
        self.assertEqual(tamis.snapshot(self.box), before)
        self.source(0, self.box)
        self.assertEqual(self.places(self.box), {
            1: [('INBOX', STAR)],
            2: [('INBOX', frozenset(['lists/one']))],
            3: [('Gone/far', frozenset())],
            4: [('INBOX', frozenset(['due']))],
            5: [('INBOX', frozenset())]})
        self.assertEqual(maildir.leftovers(self.box), [])
        # every message is new in every run, and nothing is left to do
        done = tamis.snapshot(self.box)
        r = self.source(0, '--json', self.box)
        self.assertEqual(self.run_line(r)['judged'], 4)
        self.assertEqual(tamis.snapshot(self.box), done)
        self.source(0, '--dry-run', self.box)

    def test_a_copy_is_made_each_time(self):
        """Without state nobody knows of the first; it is said in the
        manual that a SOURCE has none.  Never is one lost."""
        maildir.deliver(self.box, [message(1, subject='keep')])
        self.source(0, self.box)
        self.assertEqual(self.boxes_of(self.box), {1: ['INBOX', 'Kept']})
        self.source(0, self.box)
        boxes = self.boxes_of(self.box)[1]
        self.assertEqual(boxes.count('INBOX'), 1)
        self.assertIn('Kept', boxes)

    def test_two_of_them(self):
        other = self.t.home + '/Other'
        maildir.deliver(self.box, [MAIL[0]])
        maildir.deliver(other, [MAIL[2]])
        self.source(0, self.box, other)
        self.assertEqual(self.places(self.box), {1: [('INBOX', STAR)]})
        self.assertEqual(self.boxes_of(other), {3: ['Gone/far']})

    def test_one_of_them_is_not_there(self):
        maildir.deliver(self.box, [MAIL[0]])
        r = self.t.run('-r', self.rules, 'run', self.box,
                       self.t.home + '/none')
        self.assertEqual(r.status, tamis.USAGE, r)
        self.assertIn('/none', r.err)
        self.assertEqual(self.places(self.box), {1: [('INBOX', STAR)]})

    def test_a_folder_of_one(self):
        """The folder of a Maildir is a Maildir, too."""
        maildir.deliver(self.box + '/.Lists', [MAIL[0]])
        maildir.make(self.box)
        self.source(0, self.box)
        self.assertEqual(self.places(self.box), {
            1: [('Lists', frozenset())]})
        self.source(0, self.box + '/.Lists')
        self.assertEqual(self.places(self.box), {1: [('Lists', STAR)]})

    def test_other_mailboxes(self):
        maildir.make(self.box)
        maildir.deliver(self.box + '/.Lists', [MAIL[0]])
        self.source(0, '--mailbox', 'Lists', self.box)
        self.assertEqual(self.places(self.box), {1: [('Lists', STAR)]})

    def test_permissions_are_kept(self):
        maildir.deliver(self.box, [MAIL[2]])
        path = maildir.dump(self.box)['INBOX'][0].path
        os.chmod(path, 0o640)
        os.utime(path, (1700000000, 1700000000))
        self.source(0, self.box)
        moved = os.stat(maildir.dump(self.box)['Gone/far'][0].path)
        self.assertEqual((stat.S_IMODE(moved.st_mode), moved.st_mtime),
                         (0o640, 1700000000))

    def test_it_cannot_be_written(self):
        maildir.deliver(self.box, MAIL)
        wrap = self.t.ordinary_user()
        for name in ('cur', 'new', 'tmp', ''):
            os.chmod(self.box + '/' + name, 0o500)
        before = tamis.snapshot(self.box)
        r = self.t.run('-r', self.rules, 'run', self.box, wrap=wrap)
        self.assertEqual(tamis.snapshot(self.box), before)
        for name in ('', 'cur', 'new', 'tmp'):
            os.chmod(self.box + '/' + name, 0o700)
        self.assertIn(r.status, (3, 74), r)
        self.sane(r)
        self.source(0, self.box, wrap=wrap)
        self.assertEqual(self.boxes_of(self.box)[3], ['Gone/far'])


class Memory(Base):
    def peak(self, status, *args, stdin=None):
        argv = self.t.argv(['-r', self.rules, 'run', *args])
        p = subprocess.run(
            [sys.executable, '-S', '-c', MEASURE, *argv], env=self.t.env,
            stdin=stdin or subprocess.DEVNULL, stdout=subprocess.PIPE)
        code, kib = map(int, p.stdout.split())
        self.assertEqual(code, status)
        if not sanitized():
            self.assertLess(kib, MEMORY_MAX)

    def test_many_in_an_mbox(self):
        path = self.t.folder + '/mbox'
        with open(path, 'wb') as f:
            for at in range(0, 50000, 500):
                f.write(mbox(*[message(n, subject='go' if n % 100 == 0 else
                                       None) for n in range(at, at + 500)]))
        self.peak(1, '--dry-run', path)
        with open(path, 'rb') as f:
            self.peak(1, '--dry-run', '-', stdin=f)

    def test_many_in_a_maildir(self):
        maildir.deliver(self.box, [
            message(n, subject='star' if n % 100 == 0 else None)
            for n in range(1, 20001)])
        self.peak(1, '--dry-run', self.box)
        self.peak(0, self.box)
        starred = [m for m in maildir.dump(self.box)['INBOX']
                   if m.flags == STAR]
        self.assertEqual(len(starred), 200)

    def test_a_large_message(self):
        self.rules = self.t.rules('''
rules:
  - {name: due, when: {body: amount due}, then: [{label: due}]}
''')
        path = self.t.folder + '/large.eml'
        with open(path, 'wb') as f:
            f.write(message(1, body='hello\r\n'))
            for _ in range(1000):
                f.write((b'x' * 76 + b'\r\n') * 1350)
        self.assertGreater(os.path.getsize(path), 100 << 20)
        self.peak(0, '--dry-run', path)


if __name__ == '__main__':
    tap.main()

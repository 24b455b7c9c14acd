#!/usr/bin/env python3
"""make deb: a package that lintian bears, and that filters mail where it is
installed."""
# timeout: 600

import gzip
import os
import re
import shutil
import subprocess
import unittest

import tamis
import tap

BUILD = os.environ.get('TAMIS_BUILD', os.path.dirname(tamis.PROGRAM))
MAKER = {'DEBFULLNAME': 'Alice', 'DEBEMAIL': 'alice@example.org'}


def call(*argv, **more):
    p = subprocess.run(argv, stdout=subprocess.PIPE,
                       stderr=subprocess.STDOUT, timeout=500, **more)
    return p.returncode, p.stdout.decode('utf-8', 'replace')


def make_deb():
    """The octets of the package, and its path."""
    status, out = call('make', '-C', BUILD, 'deb',
                       env=dict(os.environ, **MAKER))
    path = re.search(r"in '(tamis_\S*\.deb)'", out)
    if status or not path:
        raise AssertionError(out)
    path = BUILD + '/' + path.group(1)
    with open(path, 'rb') as f:
        return f.read(), path


class Deb(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        if not shutil.which('dpkg-shlibdeps'):
            raise unittest.SkipTest('there is no dpkg-dev')
        cls.t = tamis.Tamis()
        cls.octets, cls.path = make_deb()
        cls.root = cls.t.folder + '/root'
        cls.admin = cls.root + '/var/lib/dpkg'
        if os.getuid() != 0:
            call('dpkg-deb', '-x', cls.path, cls.root)
            return
        for name in ('info', 'updates', 'triggers'):
            os.makedirs(cls.admin + '/' + name)
        open(cls.admin + '/status', 'w').close()
        cls.installed = cls.dpkg('--force-depends', '--install', cls.path)

    @classmethod
    def dpkg(cls, *args):
        return call('dpkg', '--root=' + cls.root, '--log=/dev/null', *args)

    def files(self):
        return sorted(os.path.relpath(os.path.join(top, name), self.root)
                      for top, _, names in os.walk(self.root + '/usr')
                      for name in names)

    def test_same_sources_same_package(self):
        self.assertEqual(make_deb()[0], self.octets)

    def test_lintian(self):
        if not shutil.which('lintian'):
            self.skipTest('there is no lintian')
        status, out = call('lintian', '--allow-root', '--fail-on', 'error',
                           self.path)
        self.assertEqual(status, 0, out)
        warnings = set(re.findall(r'(?m)^W: tamis: (\S+)', out))
        # nobody uploads it
        self.assertEqual(warnings - {'initial-upload-closes-no-bugs'}, set(),
                         out)

    def test_what_is_in_it(self):
        files = self.files()
        for name in ('bin/tamis', 'lib/systemd/user/tamis@.service',
                     'lib/systemd/user/tamis@.timer',
                     'share/bash-completion/completions/tamis',
                     'share/fish/vendor_completions.d/tamis.fish',
                     'share/zsh/vendor-completions/_tamis',
                     'share/tamis/tamis.schema.json',
                     'share/doc/tamis/copyright',
                     'share/doc/tamis/changelog.gz',
                     'share/doc/tamis/examples/quickstart.yaml'):
            self.assertIn('usr/' + name, files)
        pages = {f[len('usr/share/man/manN/'):-len('.gz')] for f in files
                 if f.startswith('usr/share/man/')}
        self.assertEqual(pages, set(os.listdir(tamis.TOP + '/man')))
        for name in files:
            mode = os.stat(self.root + '/' + name).st_mode & 0o7777
            self.assertEqual(mode, 0o755 if '/bin/' in name else 0o644, name)
            if name.endswith('.gz'):
                with gzip.open(self.root + '/' + name) as f:
                    self.assertTrue(f.read(1))

    def test_fields(self):
        status, out = call('dpkg-deb', '--field', self.path)
        self.assertEqual(status, 0, out)
        self.assertRegex(out, r'(?m)^Depends: .*\blibgmime-3\.0')
        self.assertRegex(out, r'(?m)^Depends: .*\blibsqlite3-0')
        self.assertIn('\nMaintainer: Alice <alice@example.org>\n', out)
        version = self.t.run('--version').out.split()[1]
        self.assertIn('\nVersion: %s-1\n' % version, out)

    def test_scripts_are_readable(self):
        share = self.root + '/usr/share/'
        for shell, name in (('bash', 'bash-completion/completions/tamis'),
                            ('zsh', 'zsh/vendor-completions/_tamis'),
                            ('fish', 'fish/vendor_completions.d/tamis.fish')):
            self.assertEqual(call(shell, '-n', share + name), (0, ''))

    def test_filters_mail(self):
        """The new program, with its own examples."""
        program = self.root + '/usr/bin/tamis'
        examples = self.root + '/usr/share/doc/tamis/examples'
        mail = self.t.home + '/Maildir'
        for name in ('cur', 'tmp'):
            os.makedirs(mail + '/' + name)
        shutil.copytree(examples + '/mail/new', mail + '/new')
        with open(examples + '/quickstart.yaml') as f:
            self.t.rules(f.read())
        self.t.config({'accounts': {'home': {'maildir': mail}}})
        before = len(os.listdir(mail + '/new'))
        r = self.t.run('run', '--all', program=program)
        self.assertEqual((r.status, r.err), (0, ''), r)
        self.assertLess(len(os.listdir(mail + '/new')), before)
        r = self.t.run('stats', program=program)
        self.assertRegex(r.out, r'home: since .* 1 runs, %d judged' % before)

    def test_installed_and_removed(self):
        """By dpkg itself, into a root of its own."""
        if os.getuid() != 0:
            return	# dpkg needs to give files to root
        self.assertEqual(self.installed[0], 0, self.installed[1])
        self.assertEqual(self.dpkg('--verify', 'tamis'), (0, ''))
        files = self.files()
        self.assertGreater(len(files), 30)
        status, out = self.dpkg('--force-depends', '--purge', 'tamis')
        self.assertEqual((status, self.files()), (0, []), out)
        status, out = self.dpkg('--force-depends', '--install', self.path)
        self.assertEqual((status, self.files()), (0, files), out)


if __name__ == '__main__':
    tap.main()

#!/usr/bin/env python3
"""One run at a time over an account, and state that cannot be used."""
# timeout: 240

import os
import shutil
import signal
import subprocess
import time
import unittest

import faultproxy
import maildir
import runs
import servers
import tamis
import tap
from faultproxy import Fault
from mailmaker import ids, message

RULES = '''
rules:
  - {name: star, when: {subject: star}, then: [{mark: starred}]}
  - {name: go, when: {subject: go}, then: [{move: Gone}]}
'''


class Base(runs.Case):
    @classmethod
    def setUpClass(cls):
        cls.server = servers.Dovecot()
        cls.server.start()
        cls.addClassCleanup(cls.server.close)

    def setUp(self):
        super().setUp()
        self.t.rules(RULES)
        self.mailbox = 'T' + os.urandom(4).hex()
        self.server.create('alice', self.mailbox)
        self.proxy = self.start(faultproxy.Proxy(self.server))
        self.account = self.t.account(self.proxy, mailboxes=[self.mailbox])
        self.configure(a=self.account)

    def fill(self, *subjects):
        self.server.append('alice', self.mailbox, [
            message(n, subject=s) for n, s in enumerate(subjects, 1)])

    def dump(self):
        return self.server.dump('alice', self.mailbox)

    def starred(self):
        return sum('\\Flagged' in m.flags for m in self.dump())

    def hold(self, *args, command='UID STORE'):
        """A run that stands still at a command and has the lock."""
        self.proxy.arm(Fault('stall', command=command))
        p = self.t.start('run', *args)
        self.addCleanup(self.end, p)
        self.wait_for(lambda: self.proxy.fired)
        return p

    def wait_for(self, what):
        until = time.monotonic() + 30
        while not what():
            self.assertLess(time.monotonic(), until, 'waited in vain')
            time.sleep(0.01)

    def end(self, p):
        if p.poll() is None:
            p.kill()
        p.communicate()


class Lock(Base):
    def test_a_second_run_waits_not(self):
        self.fill('star')
        self.expect(0, 'run')
        p = self.hold('--all')
        began = time.monotonic()
        r = self.expect(tamis.LATER, 'run', '--all')
        self.assertLess(time.monotonic() - began, 5)
        self.assertIn('another run holds the lock', r.err)
        self.assertIn(self.t.state_dir + '/a', r.err)
        self.assertIsNone(p.poll())
        r = self.expect(tamis.LATER, 'recover')
        self.assertIn('lock', r.err)

    def test_another_account_is_free(self):
        self.fill('star')
        box = self.t.home + '/Mail'
        maildir.deliver(box, [message(1, subject='star')])
        self.configure(a=self.account, b={'maildir': box})
        self.hold('-a', 'a', '--all')
        self.expect(0, 'run', '-a', 'b', '--all')
        self.expect(tamis.LATER, 'run', '--all')

    def test_reading_takes_no_lock(self):
        self.fill('star')
        self.expect(0, 'run', '--all')
        self.fill('star again')
        p = self.hold()
        state = tamis.snapshot(self.t.state_dir)
        for args in (['log'], ['why', '1@example.org'],
                     ['recover', '--dry-run'], ['doctor'],
                     ['run', '--dry-run', '--all']):
            with self.subTest(args):
                r = self.t.run(*args)
                self.assertNotIn('lock', r.err)
                self.assertIn(r.status, (0, 1), r)
        self.assertEqual(tamis.snapshot(self.t.state_dir), state)
        self.assertIsNone(p.poll())

    def test_kill_frees_it(self):
        self.fill('star')
        for how in (signal.SIGKILL, signal.SIGTERM):
            p = self.hold('--all')
            p.send_signal(how)
            p.communicate()
            self.assertEqual(p.returncode, -how)
        self.proxy.arm()
        self.expect(0, 'run', '--all')
        self.assertEqual(self.starred(), 1)

    def test_a_child_does_not_keep_it(self):
        """A password helper that goes on in the background."""
        path = self.t.write('bin/secret', '#!/bin/sh\nsleep 60 >&- 2>&- &\n'
                            'echo $! > "$0.pid"\necho secret\n', 0o700)
        self.configure(a=dict(self.account,
                              auth={'password_command': [path]}))
        self.expect(0, 'run')
        with open(path + '.pid') as f:
            pid = int(f.read())
        try:
            self.expect(0, 'run')
        finally:
            os.kill(pid, signal.SIGKILL)

    def test_many_at_once(self):
        """One of them does it, once; the others say that they did not."""
        self.expect(0, 'run')
        self.fill(*['go'] * 5)
        many = [self.t.start('run') for _ in range(8)]
        for p in many:
            out, err = p.communicate(timeout=60)
            self.assertIn(p.returncode, (0, 75), err)
            self.assertEqual(p.returncode == 75, b'holds the lock' in err)
        self.assertIn(0, [p.returncode for p in many])
        self.assertEqual(ids(self.server.dump('alice', 'Gone')),
                         [1, 2, 3, 4, 5])
        self.assertEqual(self.dump(), [])


class Foreign(Base):
    """State that belongs to something else."""

    def refuse(self, status, words):
        self.fill('star')
        state = tamis.snapshot(self.t.state_dir)
        self.proxy.arm()
        for args in (['run', '--all'], ['run', '--all', '--dry-run'],
                     ['log'], ['recover']):
            with self.subTest(args):
                r = self.expect(status, *args)
                for word in words:
                    self.assertIn(word, r.err)
        self.assertEqual(self.proxy.connections, 0)
        self.assertEqual(self.starred(), 0)
        seen = tamis.snapshot(self.t.state_dir)
        for name in ('a', 'a/lock'):	# taking the lock is no harm
            seen.pop(name, None)
            state.pop(name, None)
        self.assertEqual(seen, state)

    def test_another_user(self):
        self.expect(0, 'run')
        self.configure(a=dict(self.account, user='bob'))
        self.refuse(tamis.BAD_CONFIG, ['alice', 'bob'])

    def test_another_host(self):
        self.expect(0, 'run')
        self.configure(a=dict(self.account,
                              imap='imaps://imap.example.org'))
        self.refuse(tamis.BAD_CONFIG, ['localhost', 'imap.example.org'])

    def test_another_path(self):
        for name in ('/one', '/two'):
            maildir.deliver(self.t.home + name,
                            [message(1, subject='star')])
        self.configure(a={'maildir': self.t.home + '/one'})
        self.expect(0, 'run')
        self.configure(a={'maildir': self.t.home + '/two'})
        before = tamis.snapshot(self.t.home + '/two')
        self.refuse(tamis.BAD_CONFIG, ['/one', '/two'])
        self.assertEqual(tamis.snapshot(self.t.home + '/two'), before)

    def test_a_newer_version(self):
        self.expect(0, 'run')
        self.alter('PRAGMA user_version = 99')
        self.refuse(tamis.STATE, ['newer', '99'])

    def test_not_ours(self):
        os.makedirs(self.t.state_dir + '/a', 0o700)
        self.alter('CREATE TABLE something(other INTEGER)')
        os.chmod(self.db(), 0o600)
        self.refuse(tamis.STATE, ['/a', 'not a state file'])

    def test_not_a_database(self):
        os.makedirs(self.t.state_dir + '/a', 0o700)
        with open(self.db(), 'w') as f:
            f.write('this is not what you think\n' * 1000)
        os.chmod(self.db(), 0o600)
        self.refuse(tamis.STATE, [self.t.state_dir + '/a', 'damaged'])

    def test_a_damaged_database(self):
        self.fill(*['star'] * 50)
        self.expect(0, 'run', '--all')
        size = os.path.getsize(self.db())
        with open(self.db(), 'r+b') as f:
            f.seek(4096)
            f.write(os.urandom(size - 4096))
        for args in (['run', '--all'], ['log'], ['recover']):
            r = self.t.run(*args)
            self.assertEqual(r.status, tamis.STATE, r)
            self.assertIn(self.t.state_dir + '/a', r.err)


class NoRoom(Base):
    """The state folder cannot be written: nothing is done."""

    def run_with(self, shell, *args):
        """With what the shell commands change for this run alone."""
        return self.t.run('run', *args, wrap=[
            'sh', '-c', 'set -e; %s; exec "$0" "$@"' % shell])

    def untouched(self, r, status=tamis.STATE):
        self.assertEqual(r.status, status, r)
        self.sane(r)
        self.assertIn(self.t.state_dir + '/a', r.err)
        self.assertEqual(self.starred(), 0)

    def test_not_writable(self):
        self.fill('star')
        os.makedirs(self.t.state_dir, 0o700)
        with open(self.t.state_dir + '/a', 'w'):
            pass
        self.untouched(self.t.run('run', '--all'))
        os.unlink(self.t.state_dir + '/a')
        wrap = self.t.ordinary_user()
        os.chmod(self.t.state_dir, 0o500)
        self.untouched(self.t.run('run', '--all', wrap=wrap))

    def test_others_can_write_there(self):
        self.expect(0, 'run')
        self.fill('star')
        os.chmod(self.t.state_dir + '/a', 0o777)
        self.untouched(self.t.run('run', '--all'), tamis.BAD_CONFIG)

    def test_no_file_may_grow(self):
        """As with a full disk, or a quota, from the first octet on."""
        shell = 'trap "" XFSZ; ulimit -f 0'
        self.fill('star')
        r = self.run_with(shell, '--all')
        self.untouched(r)
        self.expect(0, 'run')
        self.untouched(self.run_with(shell, '--all'))
        self.expect(0, 'run', '--all')	# and when there is room again
        self.assertEqual(self.starred(), 1)

    def mounted(self, octets):
        """The shell for a state folder on a disk of that size that holds
        what the state holds now."""
        kept = self.t.folder + '/kept'
        shutil.rmtree(kept, ignore_errors=True)
        shutil.copytree(self.t.state_dir, kept)
        return ('mount -t tmpfs -o size=%d,mode=0700 none %s; '
                'cp -a %s/. %s' % (octets, self.t.state_dir, kept,
                                   self.t.state_dir))

    def may_mount(self):
        """Root may, but not in every container; the others have
        test_no_file_may_grow."""
        return os.getuid() == 0 and subprocess.run(
            ['unshare', '-m', 'sh', '-c', 'mount -t tmpfs none /mnt'],
            capture_output=True).returncode == 0

    def in_namespace(self, shell, *args):
        return self.t.run('run', *args, wrap=[
            'unshare', '-m', 'sh', '-c', 'set -e; %s; exec "$0" "$@"' %
            shell])

    def test_a_full_disk(self):
        """However much room there is: all is done, or nothing, or what was
        done is known."""
        if not self.may_mount():
            return
        self.expect(0, 'run')
        subjects = ['star %d %s' % (n, 'x' * 150) for n in range(400)]
        self.fill(*subjects)
        used = os.path.getsize(self.db())
        statuses = set()
        for spare in (0, 4096, 16384, 65536, 131072, 262144, 524288,
                      4194304):
            size = (used + spare + 8191) // 4096 * 4096
            with self.subTest(spare=spare):
                r = self.in_namespace(self.mounted(size), '--all')
                statuses.add(r.status)
                self.sane(r)
                self.assertIn(r.status, (0, tamis.STATE), r)
                if r.status:
                    self.assertIn(self.t.state_dir + '/a', r.err)
        self.assertEqual(statuses, {0, tamis.STATE})
        self.assertEqual(self.starred(), 400)

    def test_a_disk_that_is_read_only(self):
        if not self.may_mount():
            return
        self.expect(0, 'run')
        self.fill('star')
        self.untouched(self.in_namespace(
            self.mounted(1 << 20) + '; mount -o remount,ro ' +
            self.t.state_dir, '--all'))


if __name__ == '__main__':
    tap.main()

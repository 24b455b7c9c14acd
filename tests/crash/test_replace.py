#!/usr/bin/env python3
"""kill -9 and broken disks while messages are rewritten, on a Maildir: each
is there once outside Trash, whole, rewritten or as it was."""
# timeout: 900

import os
import signal
import unittest

import crash
import maildir
import rewriting
import syscalls
import tap

PROGRAM = os.environ.get('TAMIS_BUILD', '') + '/tests/crash/tamis_steps'
EACH = 1 if crash.SWEEP else 8
LEAST = 150 if crash.SWEEP else 40

# ------------------------------------------------------- another client

def files_of(path, number):
    """[(mailbox, Mail)] of one message."""
    return [(box, m) for box, mails in maildir.dump(path).items()
            for m in mails if m.message_id == 'm%d@example.org' % number]


def is_copy(mail):
    return '.tamis,' in mail.path


class Client:
    """Another mail reader, which changes message 2 in INBOX."""

    def __init__(self, path):
        self.path = path
        maildir.make(path + '/.Else')

    def find(self, copy):
        return [m for box, m in files_of(self.path, 2)
                if box == 'INBOX' and is_copy(m) == copy]

    def rename(self, copy, to):
        """False: there is no such one now."""
        for m in self.find(copy):
            os.rename(m.path, to(m.path))
            return True
        return False

    def star(self, copy):
        def starred(path):
            unique, _, letters = os.path.basename(path).partition(':2,')
            return '%s/cur/%s:2,%s' % (
                self.path, unique, ''.join(sorted(set(letters) | {'F'})))
        return self.rename(copy, starred)

    def move(self, copy):
        return self.rename(copy, lambda path: self.path + '/.Else/cur/' +
                           os.path.basename(path).partition(':')[0] + ':2,')

    def delete(self, copy):
        for m in self.find(copy):
            os.unlink(m.path)
            return True
        return False


def stop_at(t, place, deed, copy, step):
    """A run in which another client does DEED at STEP: None if it could not;
    else whether there were two, and what was said."""
    began = t.t.start('run', program=PROGRAM, env={'TAMIS_STEP_STOP': step})
    _, status = os.waitpid(began.pid, os.WUNTRACED)
    if not os.WIFSTOPPED(status):
        began.returncode = os.waitstatus_to_exitcode(status)
        return None
    client = Client(place.path)
    both = bool(client.find(True) and client.find(False))
    did = getattr(client, deed)(copy)
    os.kill(began.pid, signal.SIGCONT)
    said = b''.join(began.communicate(timeout=60)).decode()
    return (both, said) if did else None


class Replace(unittest.TestCase):
    def test_killed_at_each_call(self):
        syscalls.needed()
        t = rewriting.on_maildir()
        t.undisturbed()
        t.kill_at_calls(EACH)
        t.verdict('kill at a call', 'Maildir', LEAST)

    def test_each_call_fails(self):
        syscalls.needed()
        t = rewriting.on_maildir()
        t.fail_calls(EACH)
        t.verdict('a call fails', 'Maildir', LEAST)

    def test_each_folder_fails(self):
        """What has happened and is not durable is not undone by halves."""
        syscalls.needed()
        t = rewriting.on_maildir()
        t.fail_calls(only='fsync')
        t.verdict('an fsync fails', 'Maildir', 50)

    def test_killed_at_each_step(self):
        t = rewriting.on_maildir()
        names = t.kill_at_steps(PROGRAM)
        print('# steps: ' + ' '.join(names))
        t.verdict('kill at a step', 'Maildir', 60)
        self.assertEqual(set([
            'replace-planned', 'replace-saved', 'replace-uploaded',
            'replace-proved', 'replace-retired', 'spool-renamed',
            'spool-synced', 'spool-dropped', 'maildir-copy-written',
            'maildir-copy-linked', 'maildir-copies-durable',
        ]) - set(names), set())

    def after(self, t, deed, copy, step, both, said):
        r = t.t.run('run')
        said += r.out + r.err
        found = files_of(t.place.path, 2)
        live = [(box, m) for box, m in found if box != 'Trash']
        say = 'at %s, %s %s: %s %r' % (
            step, deed, 'copy' if copy else 'original',
            [m.path for _, m in found], r)
        if deed == 'delete':
            self.assertLessEqual(len(live), 1, say)
            # the only one that there was may be gone, and no other
            self.assertTrue(found or not both, say)
        elif deed == 'move' and 'moved or deleted' in said:
            self.assertEqual(len(live), 2, say)	# both are left, and said
        else:
            self.assertEqual(len(live), 1, say)
        for _, m in live:
            self.assertNotIn('broken', rewriting.looked_at(t.plan, m).flags, say)
            if deed == 'star':
                self.assertIn(rewriting.STAR, m.flags, say)
        before = t.place.boxes()
        r = t.t.run('run')
        self.assertEqual(t.place.boxes(), before, (say, r))

    def test_another_client(self):
        """Somebody stars, moves or deletes the one or the other between any
        two steps: it is there once, as they wanted it."""
        t = rewriting.on_maildir()
        log = t.t.folder + '/steps'
        t.restore()
        t.t.run('run', program=PROGRAM, env={'TAMIS_STEP_LOG': log})
        with open(log) as f:
            steps = f.read().split()
        points = 0
        for i, name in enumerate(steps):
            nth = steps[:i + 1].count(name)
            if i % EACH or not name.startswith(('replace', 'maildir',
                                                'spool')):
                continue
            for deed in 'star', 'move', 'delete':
                for copy in False, True:
                    t.restore()
                    step = '%s:%d' % (name, nth)
                    found = stop_at(t, t.place, deed, copy, step)
                    if found:
                        points += 1
                        self.after(t, deed, copy, step, *found)
        print('# row: another client | Maildir, rewriting | %d | 0 | 0 | 0'
              % points)
        self.assertGreater(points, 350 if crash.SWEEP else 40)


if __name__ == '__main__':
    tap.main()

"""What the crash tests share: mail, rules, and where everything must end.

A place is a Maildir or a server's mailboxes.  Each test brings a place into
the same state, lets the program die or fail at one point, looks whether all
mail is still there, runs the program again, and compares with what the rules
say.  EXPECTED is written by hand: a program that is wrong in the same way
every time does not pass.
"""

import collections
import os
import shutil
import tempfile

import faultproxy
import syscalls
import tamis

MAIL = (b'From: Bob <bob@example.org>\r\nTo: alice@example.org\r\n'
        b'Subject: %s\r\nMessage-ID: <m%d@example.org>\r\n'
        b'Date: Mon, 13 Jul 2026 10:00:%02d +0000\r\n\r\nHello, %d.\r\n')

SUBJECTS = ['plain', 'label', 'star read', 'move', 'copy', 'both', 'trash',
            'archive', 'delete', 'label move', 'move', 'unread']

RULES = '''\
version: 1
rules:
  - name: label
    when: {subject: label}
    then: [{label: work}]
  - name: star
    when: {subject: star}
    then: [{mark: [starred, read]}]
  - name: move
    when: {subject: move}
    then: [{move: Lists/one}]
  - name: copy
    when: {subject: copy}
    then: [{copy: Copies}]
  - name: both
    when: {subject: both}
    then: [{label: work}, {copy: Copies}, {move: Lists/two}]
  - name: trash
    when: {subject: trash}
    then: [trash]
  - name: archive
    when: {subject: archive}
    then: [{mark: read}, archive]
  - name: delete
    when: {subject: delete}
    then: [delete]
'''

SEEN, STAR = '\\Seen', '\\Flagged'

# (mailbox, Message-ID number): flags and labels
EXPECTED = {
    ('INBOX', 1): set(),
    ('INBOX', 2): {'work'},
    ('INBOX', 3): {STAR, SEEN},
    ('Lists/one', 4): set(),
    ('INBOX', 5): set(),
    ('Copies', 5): set(),
    ('Lists/two', 6): {'work'},
    ('Copies', 6): None,	# with or without the label: a copy of then
    ('Trash', 7): set(),
    ('Archive', 8): {SEEN},
    ('Lists/one', 10): {'work'},
    ('Lists/one', 11): set(),
    ('INBOX', 12): set(),
}
DELETED = {9}	# may be gone at any moment; must be at the end

MESSAGES = [MAIL % (s.encode(), n, n, n)
            for n, s in enumerate(SUBJECTS, 1)]


def config(account):
    return {'accounts': {'home': dict(account, allow_delete=True)},
            'limits': {'late': '0s'}}


def places(boxes):
    """[(mailbox, number, flags)] of a dump by servers or maildir."""
    return [(box, int(m.message_id[1:].partition('@')[0]), set(m.flags))
            for box, mails in boxes.items() for m in mails]


def lost(boxes):
    """Messages that are nowhere; there must be none at any moment."""
    there = {n for _, n, _ in places(boxes)}
    return set(range(1, len(MESSAGES) + 1)) - there - DELETED


def differences(boxes):
    """What is not as EXPECTED says, as lines."""
    found = collections.defaultdict(list)
    for box, n, flags in places(boxes):
        found[box, n].append(flags)
    lines = []
    for key in sorted(set(found) | set(EXPECTED)):
        have, want = found.get(key, []), EXPECTED.get(key)
        if key not in EXPECTED:
            lines.append('%s has %d, and should not' % key)
        elif len(have) != 1:
            lines.append('%s has %d %d times' % (key + (len(have),)))
        elif want is not None and have[0] != want:
            lines.append('%s has %d with %s, not %s' % (
                key + (sorted(have[0]), sorted(want))))
    return lines


class Trial:
    """One place and one user of tamis, again and again in the same state.

    The place has boxes() (a dump), save() and restore(); `t` is a
    tamis.Tamis whose config names it.
    """

    def __init__(self, place, t):
        self.place, self.t = place, t
        self.points = 0
        self.problems = []

    def begin(self, messages):
        """The first run sets the baseline; then MESSAGES() arrive."""
        r = self.t.run('run')
        if r.status != 0:
            raise AssertionError('the first run: %r' % r)
        messages()
        self.place.save()
        self.saved = tempfile.mkdtemp(prefix='tamis-c.')
        shutil.rmtree(self.saved)
        shutil.copytree(self.t.state_dir, self.saved)

    def restore(self):
        self.place.restore()
        shutil.rmtree(self.t.state_dir, ignore_errors=True)
        shutil.copytree(self.saved, self.t.state_dir)

    def say(self, point, what, r=None):
        self.problems.append('%s: %s' % (point, what))
        if r is not None and len(self.problems) < 5:
            self.problems.append(repr(r))

    def undisturbed(self):
        """What all others are compared with; itself with EXPECTED."""
        self.restore()
        r = self.t.run('run')
        if r.status != 0:
            raise AssertionError(repr(r))
        wrong = differences(self.place.boxes())
        if wrong:
            raise AssertionError('\n'.join(wrong) + '\n' + repr(r))

    def after(self, point, first):
        """Was nothing lost? Does the next run put all right?"""
        self.points += 1
        before = len(self.problems)
        gone = lost(self.place.boxes())
        if gone:
            self.say(point, 'lost %s' % sorted(gone), first)
        r = self.t.run('run')
        if r.status != 0:
            self.say(point, 'the next run exits %d' % r.status, r)
        boxes = self.place.boxes()
        for line in differences(boxes):
            self.say(point, line, r)
        if len(self.problems) == before:
            r = self.t.run('run')
            if r.status != 0 or self.place.boxes() != boxes:
                self.say(point, 'the run after it changes things', r)

    def verdict(self, least):
        """Fails with what went wrong, or if there were too few points."""
        print('# %d points' % self.points)
        if self.problems:
            raise AssertionError('%d points, %d problems:\n%s' % (
                self.points, len(self.problems),
                '\n'.join(self.problems[:40])))
        if self.points < least:
            raise AssertionError('only %d points, not %d' % (
                self.points, least))

    # --------------------------------------------------------- sweeps

    def kill_at_calls(self):
        """Killed instead of each call that writes; returns how many."""
        for call in syscalls.WRITES:
            nth = 1
            while True:
                self.restore()
                r = self.t.run('run', wrap=syscalls.kill_at(call, nth))
                if r.status != syscalls.KILLED:
                    if r.status != 0:
                        self.say('%s %d' % (call, nth),
                                 'exits %d' % r.status, r)
                    break
                self.after('killed at %s %d' % (call, nth), r)
                nth += 1

    def fail_calls(self, good=(0, 3, 74, 75)):
        """Each call that writes fails once, as on a full or broken disk."""
        self.restore()
        times, _ = syscalls.count(self.t.argv(['run']), self.t.env,
                                  self.t.folder)
        for error, calls in syscalls.FAILURES:
            for call in calls:
                for nth in range(1, times.get(call, 0) + 1):
                    self.restore()
                    r = self.t.run(
                        'run', wrap=syscalls.fail_at(call, nth, error))
                    point = '%s of %s %d' % (error, call, nth)
                    if r.status not in good:
                        self.say(point, 'exits %d' % r.status, r)
                    self.after(point, r)

    def kill_at_steps(self, program):
        """Killed at each named point of a program that has them."""
        log = self.t.folder + '/steps'
        self.restore()
        r = self.t.run('run', program=program, env={'TAMIS_STEP_LOG': log})
        if r.status != 0:
            raise AssertionError(repr(r))
        with open(log) as f:
            names = collections.Counter(f.read().split())
        os.unlink(log)
        for name, times in sorted(names.items()):
            for nth in range(1, times + 1):
                self.restore()
                r = self.t.run('run', program=program, env={
                    'TAMIS_STEP_DIE': '%s:%d' % (name, nth)})
                if r.status != syscalls.KILLED:
                    self.say('%s %d' % (name, nth), 'was not reached', r)
                self.after('killed at step %s %d' % (name, nth), r)
        return sorted(names)

    def faults_at_commands(self, proxy, action, place):
        """ACTION before ('command') or after ('reply') each command.
        'kill' kills the program there."""
        nth = 1
        while True:
            self.restore()
            self.place.settle()
            running = []
            proxy.arm(faultproxy.Fault(
                (lambda: running[0].kill()) if action == 'kill' else action,
                **{place: '*'}, nth=nth))
            began = self.t.start('run')
            running.append(began)
            out, err = began.communicate(timeout=60)
            r = tamis.Result(['run'], began.returncode, out.decode(),
                             err.decode())
            fired, names = proxy.fired, proxy.commands
            name = names[nth - 1] if len(names) >= nth else ''
            proxy.arm()
            if not fired:
                break
            self.place.settle()
            point = '%s %s %d (%s)' % (
                action, 'before' if place == 'command' else 'after', nth,
                name)
            good = (-9,) if action == 'kill' else (0, 3, 75, 77)
            if r.status not in good:
                self.say(point, 'exits %d' % r.status, r)
            self.after(point, r)
            nth += 1
        if proxy.errors:
            raise AssertionError(proxy.errors)

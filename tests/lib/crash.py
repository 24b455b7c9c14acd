"""What the crash tests share: mail, rules, and where everything must end.

A place is a Maildir or a server's mailboxes.  Each test brings a place into
the same state, lets the program die or fail at one point, looks whether all
mail is still there, runs the program again, and compares with what the rules
say.  What is expected is written by hand: a program that is wrong in the same
way every time does not pass.

With TAMIS_SWEEP=1 (make sweep) each point is tried, else a part of them.
"""

import collections
import os
import queue
import re
import shutil
import tempfile
import time

import faultproxy
import syscalls
import tamis

SWEEP = os.environ.get('TAMIS_SWEEP') == '1'
# for each script that goes as far as its time goes
SECONDS = float(os.environ.get('TAMIS_SWEEP_SECONDS', '30'))

MAIL = (b'From: Bob <bob@example.org>\r\nTo: alice@example.org\r\n'
        b'Subject: %s\r\nMessage-ID: <m%d@example.org>\r\n'
        b'Date: Mon, 13 Jul 2026 10:00:%02d +0000\r\n\r\nHello, %d.\r\n')

SUBJECTS = ['plain', 'label', 'star read', 'move', 'copy', 'both', 'trash',
            'archive', 'delete', 'label move', 'move', 'unread', 'refused']

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
  - name: refused
    when: {subject: refused}
    then: [{mark: read}, {move: {special: \\Flagged}}]
    on_error: [{label: work}]
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
    ('INBOX', 13): {SEEN, 'work'},	# there is no such mailbox
}

# Labels are folders, and moves of many go together.
FOLDERS_SUBJECTS = ['plain', 'label', 'two', 'label move', 'move', 'move',
                    'copy move', 'spare']
FOLDERS_RULES = '''\
version: 1
rules:
  - name: label
    when: {subject: label}
    then: [{label: L/one}]
  - name: two
    when: {subject: two}
    then: [{label: [L/one, L/two]}, {mark: read}]
  - name: move
    when: {subject: move}
    then: [{move: Lists}]
  - name: copy
    when: {subject: copy}
    then: [{copy: Copies}, {mark: starred}]
  - name: spare
    when: {subject: spare}
    then: [{copy: Copies}, archive]
'''
FOLDERS_EXPECTED = {
    ('INBOX', 1): set(),
    ('INBOX', 2): set(),
    ('L/one', 2): set(),
    ('INBOX', 3): {SEEN},
    ('L/one', 3): None,
    ('L/two', 3): None,
    ('Lists', 4): set(),
    ('L/one', 4): set(),
    ('Lists', 5): set(),
    ('Lists', 6): set(),
    ('Lists', 7): {STAR},
    ('Copies', 7): None,
    ('Archive', 8): set(),
    ('Copies', 8): set(),
}


class Plan:
    """Mail, rules for it, and where it ends.

    name       of a row in the table of make sweep
    expected   (mailbox, number): flags, None: any
    on_error   (mailbox, number): the flags that come by `on_error`
    deleted    numbers that may be gone at any moment, and must be at the end
    account    more of the account's config
    """

    def __init__(self, name, subjects, rules, expected, deleted=(),
                 on_error={}, **account):
        self.name, self.rules, self.expected = name, rules, expected
        self.deleted, self.account = set(deleted), account
        self.on_error = on_error
        self.messages = [MAIL % (s.encode(), n, n, n)
                         for n, s in enumerate(subjects, 1)]
        self.places = collections.Counter(n for _, n in expected)

    def config(self, account):
        return {'accounts': {'home': dict(account, allow_delete=True,
                                          **self.account)},
                'limits': {'late': '0s'}}

    def lost(self, boxes):
        """Messages that are nowhere; there must be none at any moment."""
        there = {n for _, n, _ in places(boxes)}
        return set(range(1, len(self.messages) + 1)) - there - self.deleted

    def doubled(self, boxes):
        """Messages of which there are more than there should be."""
        there = collections.Counter(n for _, n, _ in places(boxes))
        return {n for n, times in there.items() if times > self.places[n]}

    def differences(self, boxes, refused=False):
        """What is not as expected, as lines.  REFUSED: any part of a rule
        that has an `on_error` may have been refused."""
        found = collections.defaultdict(list)
        for box, n, flags in places(boxes):
            found[box, n].append(flags)
        lines = []
        for key in sorted(set(found) | set(self.expected)):
            have, want = found.get(key, []), self.expected.get(key)
            if key not in self.expected:
                lines.append('%s has %d, and should not' % key)
            elif len(have) != 1:
                lines.append('%s has %d %d times' % (key + (len(have),)))
            elif refused and key in self.on_error and \
                    self.on_error[key] <= have[0] <= want:
                pass
            elif want is not None and have[0] != want:
                lines.append('%s has %d with %s, not %s' % (
                    key + (sorted(have[0]), sorted(want))))
        return lines


PLAN = Plan('all actions', SUBJECTS, RULES, EXPECTED, deleted=[9],
            on_error={('INBOX', 13): {'work'}})
FOLDERS = Plan('labels are folders', FOLDERS_SUBJECTS, FOLDERS_RULES,
               FOLDERS_EXPECTED, labels='folders')


def places(boxes):
    """[(mailbox, number, flags)] of a dump by servers or maildir."""
    return [(box, int(m.message_id[1:].partition('@')[0]), set(m.flags))
            for box, mails in boxes.items() for m in mails]


def spread(n):
    """1..N so that the first ones lie far apart, whenever one stops."""
    bits = max(n, 1).bit_length()
    for i in range(1 << bits):
        at = int(format(i, '0%db' % bits)[::-1], 2)
        if 1 <= at <= n:
            yield at


class Trial:
    """One place and one user of tamis, again and again in the same state.

    The place has boxes() (a dump), save() and restore(); `t` is a
    tamis.Tamis whose config names it.
    """

    def __init__(self, place, t, plan=PLAN):
        self.place, self.t, self.plan = place, t, plan
        self.points = self.all = 0
        self.lost = self.doubled = self.wrong = 0
        self.problems = []
        self.third = 1	# a third run behind each N-th point

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
        """What all others are compared with; itself with the plan."""
        self.restore()
        r = self.t.run('run')
        if r.status != 0:
            raise AssertionError(repr(r))
        wrong = self.plan.differences(self.place.boxes())
        if wrong:
            raise AssertionError('\n'.join(wrong) + '\n' + repr(r))

    def after(self, point, first, refused=False):
        """Was nothing lost? Does the next run put all right?"""
        self.points += 1
        before = len(self.problems)
        gone = self.plan.lost(self.place.boxes())
        if gone:
            self.say(point, 'lost %s' % sorted(gone), first)
        r = self.t.run('run')
        if r.status != 0:
            self.say(point, 'the next run exits %d' % r.status, r)
        boxes = self.place.boxes()
        for line in self.plan.differences(boxes, refused):
            self.say(point, line, r)
        self.lost += bool(gone or self.plan.lost(boxes))
        self.doubled += bool(self.plan.doubled(boxes))
        if len(self.problems) == before and self.points % self.third == 0:
            r = self.t.run('run')
            if r.status != 0 or self.place.boxes() != boxes:
                self.say(point, 'the run after it changes things', r)
        self.wrong += len(self.problems) > before

    def verdict(self, fault, store, least):
        """A row of the table, see tests/run.  Fails with what went wrong,
        or if there were too few points."""
        print('# row: %s | %s, %s | %d%s | %d | %d | %d' % (
            fault, store, self.plan.name, self.points, ' of %d' % self.all
            if self.all > self.points else '', self.lost, self.doubled,
            self.wrong))
        if self.problems:
            raise AssertionError('%d points, %d problems:\n%s' % (
                self.points, len(self.problems),
                '\n'.join(self.problems[:40])))
        if self.points < least:
            raise AssertionError('only %d points, not %d' % (
                self.points, least))

    # --------------------------------------------------------- sweeps

    def kill_at_calls(self, each=1):
        """Killed instead of each call that writes, or of each EACH-th."""
        for i, call in enumerate(syscalls.WRITES):
            nth = 1 + i % each
            while True:
                self.restore()
                r = self.t.run('run', wrap=syscalls.kill_at(call, nth))
                if r.status != syscalls.KILLED:
                    if r.status != 0:
                        self.say('%s %d' % (call, nth),
                                 'exits %d' % r.status, r)
                    break
                self.after('killed at %s %d' % (call, nth), r)
                nth += each

    def fail_calls(self, each=1, good=(0, 3, 74, 75), only=None):
        """Each call that writes (or is called ONLY) fails once, as on a full
        or broken disk."""
        self.restore()
        times, _ = syscalls.count(self.t.argv(['run']), self.t.env,
                                  self.t.folder)
        for error, calls in syscalls.FAILURES:
            for i, call in enumerate(calls):
                if only not in (None, call):
                    continue
                for nth in range(1 + i % each, times.get(call, 0) + 1, each):
                    self.restore()
                    r = self.t.run(
                        'run', wrap=syscalls.fail_at(call, nth, error))
                    point = '%s of %s %d' % (error, call, nth)
                    if r.status not in good:
                        self.say(point, 'exits %d' % r.status, r)
                    self.after(point, r, refused=True)

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

    def with_fault(self, proxy, action, **where):
        """A run with one fault; (its result, or None if it never fired, and
        the commands that were sent).  'kill' kills the program there."""
        self.restore()
        self.place.settle()
        running = queue.Queue()	# the program may be there before we are
        proxy.arm(faultproxy.Fault(
            (lambda: running.get().kill()) if action == 'kill' else action,
            **where))
        began = self.t.start('run')
        running.put(began)
        out, err = began.communicate(timeout=60)
        fired, names = proxy.fired, proxy.commands
        proxy.arm()
        self.place.settle()
        return tamis.Result(['run'], began.returncode, out.decode(),
                            err.decode()) if fired else None, names

    def faults_at_commands(self, proxy, action, place, first=1, each=1):
        """ACTION before ('command') or after ('reply') each command."""
        nth = first
        while True:
            r, names = self.with_fault(proxy, action, nth=nth,
                                       **{place: '*'})
            if not r:
                break
            point = '%s %s %d (%s)' % (
                action, 'before' if place == 'command' else 'after', nth,
                names[nth - 1] if len(names) >= nth else '')
            good = (-9,) if action == 'kill' else (0, 3, 75, 77)
            if r.status not in good:
                self.say(point, 'exits %d' % r.status, r)
            self.after(point, r, refused=action == 'no')
            nth += each
        if proxy.errors:
            raise AssertionError(proxy.errors)

    def octets(self, proxy):
        """How many the server says in all, and before it has let us in."""
        self.restore()
        self.place.settle()
        proxy.arm()
        proxy.keep = True
        r = self.t.run('run')
        proxy.keep = False
        total, login = proxy.to_client, 0
        for way, data in proxy.wire:
            if way == 'C' and re.match(rb'\S+ (LIST|SELECT|NAMESPACE) ', data):
                break
            login += len(data) if way == 'S' else 0
        if r.status != 0 or not 0 < login < total - 1000:
            raise AssertionError('%d octets, %d: %r' % (total, login, r))
        return total, login

    def cut_at_octets(self, proxy, seconds):
        """Cut behind each octet that the server says, as far as the time
        goes.  While we log in nothing changes, and to come again takes a
        second: there it is each 16th (test_imap has them all)."""
        until = time.monotonic() + seconds
        total, login = self.octets(proxy)
        chosen = [at for at in spread(total) if at > login or at % 16 == 0]
        self.all = len(chosen)
        for at in chosen:
            if time.monotonic() > until:
                break
            r, _ = self.with_fault(proxy, 'cut', to_client=at)
            if not r:	# some octets fewer than in the first one
                self.all -= 1
                continue
            point = 'cut after octet %d' % at
            # when it logs out all is done
            if r.status not in (0, 75):
                self.say(point, 'exits %d' % r.status, r)
            self.after(point, r)
        if proxy.errors:
            raise AssertionError(proxy.errors)

#!/usr/bin/env python3
"""Somebody else changes the mailbox between any two commands of a run that
replaces messages, on a server like Gmail."""
# timeout: 1800

import unittest

import crash
import gmail
import replaceplan
import tap
from gmail.faults import Act

NUMBER = 3	# of the message that is meddled with
EACH = 1 if crash.SWEEP else 4


class Others(unittest.TestCase):
    def setUp(self):
        self.server = gmail.Server().start()
        self.addCleanup(self.server.close)
        self.c = self.server.control
        self.trial = replaceplan.on_gmail(self.server, self.server)
        self.plan = self.trial.plan
        self.original = self.plan.before[NUMBER]['id']

    def each_command(self, what, act, expect, window=()):
        """ACT() before each command, True if it did something; EXPECT(live)
        gives lines.  Commands of WINDOW are left out."""
        t = self.trial
        t.restore()
        t.t.run('run')
        names = [e['name'] for e in self.c.log()]
        points = 0
        for nth in range(4, len(names) + 1, EACH):
            if names[nth - 1] in window:
                continue
            t.restore()
            done = []
            self.server.script.acts.append(Act(
                lambda: done.append(act()), '*', nth))
            r = t.t.run('run')
            self.c.calm()
            point = '%s before command %d (%s)' % (what, nth, names[nth - 1])
            if r.status not in (0, 3, 75):
                t.say(point, 'exits %d' % r.status, r)
            again = t.t.run('run')
            if again.status not in (0, 3):
                t.say(point, 'the next run exits %d' % again.status, again)
            messages = self.server.boxes()
            lines = ['lost %s' % n for n in self.plan.lost(messages)]
            lines += ['doubled %s' % n for n in self.plan.doubled(messages)]
            t.lost += bool(self.plan.lost(messages))
            t.doubled += bool(self.plan.doubled(messages))
            live = self.plan.live(messages)[NUMBER]
            lines += expect(live, bool(done and done[0]))
            for line in lines:
                t.say(point, line, r)
            t.wrong += bool(lines)
            points += 1
            t.points += 1
        t.verdict(what, 'like Gmail', len(names) // EACH // 2)

    def message(self, id):
        store = self.c.store()
        return store.messages.get(id)

    def while_it_lives(self, verb, **how):
        """On the original, as long as it is not in Trash."""
        def act():
            m = self.message(self.original)
            if m is None or m.place != 'mail':
                return False
            self.c.now(verb, id=self.original, **how)
            return True
        return act

    def has(self, what, name):
        def expect(live, acted):
            if acted and (not live or name not in live[0][what]):
                yield '%s has not come along: %s' % (name, live)
        return expect

    def has_not(self, what, name):
        def expect(live, acted):
            if acted and (not live or name in live[0][what]):
                yield '%s has stayed: %s' % (name, live)
        return expect

    # between the look at the original and its move there is a moment
    WINDOW = ('UID MOVE',)

    def test_a_flag_comes(self):
        self.each_command(
            'a flag comes', self.while_it_lives('flags', add=['$new']),
            self.has('flags', '$new'), self.WINDOW)

    def test_a_flag_goes(self):
        self.each_command(
            'a flag goes', self.while_it_lives('flags', remove=['\\Seen']),
            self.has_not('flags', '\\Seen'), self.WINDOW)

    def test_a_label_comes(self):
        self.each_command(
            'a label comes', self.while_it_lives('label', add=['extra']),
            self.has('labels', 'extra'), self.WINDOW)

    def test_a_label_goes(self):
        self.each_command(
            'a label goes', self.while_it_lives('label', remove=['own']),
            self.has_not('labels', 'own'), self.WINDOW)

    def test_the_original_is_trashed(self):
        self.each_command(
            'the original is trashed', self.while_it_lives('trash'),
            lambda live, acted: [])

    def test_all_mail_is_renumbered(self):
        def act():
            self.c.now('renumber', folder='[Gmail]/All Mail')
            return True
        self.each_command(
            'UIDVALIDITY changes', act, lambda live, acted: [
                'it lives %d times' % len(live)] * (len(live) != 1))

    def copies(self):
        return [m for m in self.c.store().messages.values()
                if m.raw.find(replaceplan.FIELD.encode()) > 0 and
                m.message_id.startswith('m%d@' % NUMBER)]

    def test_the_copy_is_labelled(self):
        def act():
            found = [m for m in self.copies() if m.place == 'mail']
            for m in found:
                self.c.now('label', id=m.guid, add=['extra'])
            return bool(found)
        self.each_command('the copy is labelled', act,
                          self.has('labels', 'extra'))

    def test_the_copy_is_trashed(self):
        def act():
            found = [m for m in self.copies() if m.place == 'mail']
            for m in found:
                self.c.now('trash', id=m.guid)
            return bool(found)
        self.each_command('the copy is trashed', act,
                          lambda live, acted: [])


if __name__ == '__main__':
    tap.main()

#!/usr/bin/env python3
"""Steps of replacements with trouble at each command, before it and after:
what a step says is true, and what is done again comes to a good end."""
# timeout: 900

import unittest

import crash
import gmail
import replacer
import steps
import tamis
import tap
from mailmaker import message

WEARS = ('a/b', 'work', '\\Inbox', '\\Important')
TROUBLE = [('drop', 'before'), ('drop', 'after'), ('drop', 'tagged'),
           ('no', 'before'), ('no', 'after'), ('no', 'half'),
           ('bye', 'before'), ('bye', 'after'), ('bad', 'before'),
           ('overquota', 'before'), ('storage', 'before')]
EACH = 1 if crash.SWEEP else 2


def mid(n):
    return '%d@example.org' % n


class Faults(unittest.TestCase):
    login = 3	# commands of it: not this test's

    def setUp(self):
        self.s = gmail.Server().start()
        self.addCleanup(self.s.close)
        self.c = self.s.control
        self.t = tamis.Tamis()
        self.t.rules('rules: []')
        self.t.config({'accounts': {'g': self.t.account(self.s, 'alice')}})

    def load(self, **switches):
        self.c.reset('gmail', **switches)
        self.c.load([dict(raw=message(n), labels=WEARS,
                          flags=('\\Seen', 'kw')) for n in (1, 2, 3)])
        self.c.save()

    def run_with(self, **fault):
        """Two messages of three are replaced; False: they do not end."""
        self.c.restore()
        self.before = self.c.dump(raw=True)
        uids = {id: u for u, id in
                self.before['folders']['INBOX']['uids'].items()}
        self.ids = {n: self.c.ids()[mid(n)][0] for n in (1, 2)}
        with steps.Steps(self.t, 'g') as p:
            for n, id in self.ids.items():
                p.add('INBOX', 1, uids[id], steps.nonce(n), id, mid(n))
            self.line = replacer.Pipeline(p, lambda i, later: steps.replaced(
                message(i + 1), steps.nonce(i + 1), later=later + 1))
            if fault:
                self.c.fault(**fault)
            return self.line.run()

    def wrong(self, good):
        """Lines."""
        after = self.c.dump(raw=True)
        found = gmail.problems(self.before, after, self.c.log(), {
            id: self.is_copy_of(n) for n, id in self.ids.items()})
        if not good or found or self.line.at != ['settled'] * 2:
            return found + [str(self.line.at)] + [
                str(h) for rows in self.line.history for h in rows]
        return []

    def is_copy_of(self, n):
        return lambda m: steps.FIELD in m['raw'] and \
            m['message_id'] == mid(n)

    def test_none(self):
        self.load()
        self.assertEqual(self.wrong(self.run_with()), [])
        names = [e['name'] for e in self.c.log()]
        self.assertEqual(names.count('APPEND'), 2)

    def test_each_command(self):
        self.load()
        self.run_with()
        names = [e['name'] for e in self.c.log()]
        points, bad = 0, []
        for i, (do, where) in enumerate(TROUBLE):
            for nth in range(self.login + 1 + i % EACH, len(names), EACH):
                name = names[nth - 1]
                if where == 'half' and name not in ('UID STORE', 'UID MOVE'):
                    continue
                wrong = self.wrong(self.run_with(
                    do=do, nth=nth, where=where))
                if wrong:
                    bad.append('%s %s %d (%s): %s' % (
                        do, where, nth, name, '\n'.join(wrong)))
                points += 1
        self.verdict('a fault at each command', points, bad, 200 / EACH)

    def verdict(self, fault, points, bad, least):
        print('# row: %s | like Gmail, steps | %d | 0 | 0 | %d' % (
            fault, points, len(bad)))
        if bad:
            self.fail('%d of %d:\n%s' % (
                len(bad), points, '\n'.join(bad[:20])))
        self.assertGreaterEqual(points, least)

    def test_late(self):
        """An APPEND without an answer lands when others have come."""
        self.load()
        points, bad = 0, []
        for nth in (1, 2):
            for later in (1, 2, 3, 5, 8):
                wrong = self.wrong(self.run_with(
                    do='late', command='APPEND', nth=nth, later=later))
                if wrong:
                    bad.append('%d, %d: %s' % (nth, later, '\n'.join(wrong)))
                points += 1
        self.verdict('an APPEND lands late', points, bad, 10)


if __name__ == '__main__':
    tap.main()

#!/usr/bin/env python3
"""Steps of replacements with trouble at each command, before it and after:
what a step says is true, and what is done again comes to a good end."""
# timeout: 900

import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, HERE + '/../lib']

import gmail		# noqa: E402
import replacer		# noqa: E402
import steps		# noqa: E402
import tamis		# noqa: E402
import tap		# noqa: E402
from mailmaker import message	# noqa: E402
from model import Case, mid	# noqa: E402

WEARS = ('a/b', 'work', '\\Inbox', '\\Important')
TROUBLE = [('drop', 'before'), ('drop', 'after'), ('drop', 'tagged'),
           ('no', 'before'), ('no', 'after'), ('no', 'half'),
           ('bye', 'before'), ('bye', 'after'), ('bad', 'before'),
           ('overquota', 'before'), ('storage', 'before')]
LOGIN = 3	# commands of a login: not this test's


class Faults(Case):
    def setUp(self):
        super().setUp()
        self.t = tamis.Tamis()
        self.t.rules('rules: []')
        self.t.config({'accounts': {'g': self.t.account(self.s, 'alice')}})
        self.c.load([dict(raw=message(n), labels=WEARS,
                          flags=('\\Seen', 'kw')) for n in (1, 2, 3)])
        self.c.save()

    def run_with(self, **fault):
        """Two messages of three are replaced."""
        self.c.restore()
        self.before = self.c.dump(raw=True)
        ids = {n: self.c.ids()[mid(n)][0] for n in (1, 2)}
        with steps.Steps(self.t, 'g') as p:
            for n, id in ids.items():
                p.add('INBOX', 1, self.uid(id, 'INBOX'), steps.nonce(n), id,
                      mid(n))
            line = replacer.Pipeline(p, lambda i, later: steps.replaced(
                message(i + 1), steps.nonce(i + 1), later=later + 1))
            if fault:
                self.c.fault(**fault)
            good = line.run()
        self.ids, self.line = ids, line
        return good

    def check(self, good):
        after = self.c.dump(raw=True)
        found = gmail.problems(self.before, after, self.c.log(), {
            id: self.is_copy_of(id) for id in self.ids.values()})
        if not good or found:
            self.fail('%s %s\n%s' % (self.line.at, found, '\n'.join(
                str(h) for rows in self.line.history for h in rows)))
        self.assertEqual(self.line.at, ['settled'] * 2)

    def is_copy_of(self, id):
        old = self.before['messages'][id]['message_id']
        return lambda m: steps.FIELD in m['raw'] and m['message_id'] == old

    def test_none(self):
        self.check(self.run_with())
        names = [e['name'] for e in self.c.log()]
        self.assertEqual(names.count('APPEND'), 2)

    def test_each_command(self):
        self.run_with()
        names = [e['name'] for e in self.c.log()]
        points = 0
        for nth in range(LOGIN + 1, len(names)):
            for do, where in TROUBLE:
                if where == 'half' and names[nth - 1] not in (
                        'UID STORE', 'UID MOVE'):
                    continue
                with self.subTest(nth=nth, name=names[nth - 1], do=do,
                                  where=where):
                    self.check(self.run_with(do=do, nth=nth, where=where))
                    points += 1
        print('# %d commands, %d points' % (len(names), points))
        self.assertGreater(points, 200)

    def test_late(self):
        """An APPEND without an answer lands when others have come."""
        for nth in (1, 2):
            for later in (1, 2, 3, 5, 8):
                with self.subTest(nth=nth, later=later):
                    self.check(self.run_with(
                        do='late', command='APPEND', nth=nth, later=later))


if __name__ == '__main__':
    tap.main()

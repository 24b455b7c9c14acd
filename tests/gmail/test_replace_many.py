#!/usr/bin/env python3
"""A thousand replacements at once: few commands a message, and so few turns
that a distant server costs little. Counted, not timed."""
# timeout: 900

import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, HERE + '/../lib']

import gmail		# noqa: E402
import steps		# noqa: E402
import tamis		# noqa: E402
import tap		# noqa: E402
from mailmaker import message	# noqa: E402
from model import ALL, Case, mid	# noqa: E402

MANY = 1000
COMMANDS = 14		# a message, at most
LABELS = [('\\Inbox', 'a/b'), ('\\Inbox', 'work', '\\Important'), ('c',)]
# Two in three are above what LITERAL- lets through without a turn.
BODIES = ['Hello.\r\n', 'Hello, world.\r\n' * 400, 'Hello again.\r\n' * 500]


def raw(n):
    return message(n, body=BODIES[n % 3])


class Many(Case):
    def replace(self, n):
        self.c.reset('gmail')
        t = tamis.Tamis()
        t.rules('rules: []')
        t.config({'accounts': {'g': t.account(self.s, 'alice')}})
        ids = self.c.load([dict(
            raw=raw(i), labels=LABELS[i % 3], flags=('\\Seen',) * (i % 2))
            for i in range(n)])
        before = self.c.dump(raw=True)
        uids = {id: u for u, id in before['folders'][ALL]['uids'].items()}
        with steps.Steps(t, 'g') as p:
            for i, id in enumerate(ids):
                p.add(ALL, 1, uids[id], steps.nonce(i), id, mid(i))
                p.copy(i, steps.replaced(raw(i), steps.nonce(i)))
            p.go()
            turns = p.turns
        wanted = {m: before['messages'][m]['message_id'] for m in ids}
        self.assertEqual(gmail.problems(
            before, self.c.dump(raw=True), self.c.log(),
            {m: lambda x, w=w: steps.FIELD in x['raw'] and
             x['message_id'] == w for m, w in wanted.items()}), [])
        return len(self.c.log()), turns

    def test_commands_and_turns(self):
        # one after the other each pays its own turns, login left out
        _, alone = self.replace(1)
        alone -= 3
        commands, turns = self.replace(MANY)
        print('# %d messages: %.1f commands each, %d turns; alone %d turns '
              'each: %.1f times' % (MANY, commands / MANY, turns, alone,
                                    MANY * alone / turns))
        self.assertLessEqual(commands / MANY, COMMANDS)
        self.assertLess(4 * turns, MANY * alone)


if __name__ == '__main__':
    tap.main()

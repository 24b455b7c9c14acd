#!/usr/bin/env python3
"""Messages are replaced on a server like Gmail, whichever way its open
questions are answered, and some faults in each."""
# timeout: 1800

import time
import unittest

import crash
import faultproxy
import gmail
import replaceplan
import tap

# What is seen late by the clock looks like an upload that landed late, which
# is taken away a run later (sweep_replace_steps.py has that).
SWITCHES = {
    'names': None, 'root': None, 'label_form': None, 'label_nil': None,
    'own_label': None, 'item_order': None, 'deleted_search': None,
    'index_lag': None, 'exists_lag': None, 'auto_expunge': None,
    'copyuid': None, 'trash_takes': None, 'same_key': ['id+date', 'id'],
    'same_scope': None,
    'same': ['old_uid', 'ghost_uid', 'new_uid', 'merge', 'no_uid',
             'separate'],
    'trash_twin': None, 'appenduid': None, 'rewrapped': None,
    'bytes': ['kept', 'refolded'], 'size_off': [0, 7], 'modseq': None,
    'modseq_ahead': [0, 5],
}
FAULTS = [(action, place) for action in ('kill', 'cut', 'no')
          for place in ('command', 'reply')]


class Switches(unittest.TestCase):
    def test_each_pair(self):
        server = gmail.Server().start()
        self.addCleanup(server.close)
        proxy = faultproxy.Proxy(server)
        self.addCleanup(proxy.close)
        found = list(gmail.pairwise(SWITCHES))
        until = time.monotonic() + 10 * crash.SECONDS
        total, problems = None, []
        for i, switches in enumerate(found):
            if time.monotonic() > until and total:
                break
            server.control.reset('gmail', **switches)
            t = replaceplan.on_gmail(server, proxy)
            try:
                t.undisturbed()
            except AssertionError as e:
                problems.append('%s: undisturbed: %s' % (switches, e))
                continue
            action, place = FAULTS[i % len(FAULTS)]
            t.faults_at_commands(proxy, action, place, 5 + i % 19, 19)
            problems += ['%s: %s' % (switches, p) for p in t.problems]
            if total:
                t.points += total.points
                t.lost += total.lost
                t.doubled += total.doubled
                t.wrong += total.wrong
            total = t
        total.problems = problems
        total.verdict('any fault, %d of %d settings' % (i + 1, len(found)),
                      'like Gmail', 30)


if __name__ == '__main__':
    tap.main()

#!/usr/bin/env python3
"""Runs on a server like Gmail, whichever way its open questions are answered,
and some faults in each."""
# timeout: 1800

import time
import unittest

import crash
import faultproxy
import gmail
import gmailplan
import tap

# Each two answers together at least once.  `purge` is left out: whether an
# expunge from Trash may bring a message back is not for us to mend.
SWITCHES = {
    'names': None, 'root': None, 'all_mail_hidden': None, 'web_star': None,
    'label_form': None, 'label_nil': None, 'own_label': None,
    'item_order': None, 'empty_labels': None, 'deleted_search': None,
    'auto_expunge': None, 'last_folder': None, 'all_mail_expunge': None,
    'copyuid': None, 'modseq': None, 'modseq_ahead': [0, 5],
    'expunge_order': None, 'index_lag': None, 'exists_lag': None,
}
FAULTS = [(action, place) for action in ('kill', 'cut', 'no')
          for place in ('command', 'reply')]


class Switches(unittest.TestCase):
    def setUp(self):
        self.server = gmail.Server().start()
        self.addCleanup(self.server.close)
        self.proxy = faultproxy.Proxy(self.server)
        self.addCleanup(self.proxy.close)

    def test_each_pair(self):
        found = list(gmail.pairwise(SWITCHES))
        until = time.monotonic() + 10 * crash.SECONDS
        total, problems = None, []
        for i, switches in enumerate(found):
            if time.monotonic() > until and total:
                break
            self.server.control.reset('gmail', **switches)
            t = gmailplan.trial(self.server, self.proxy)
            try:
                t.undisturbed()
            except AssertionError as e:
                problems.append('%s: undisturbed: %s' % (switches, e))
                continue
            action, place = FAULTS[i % len(FAULTS)]
            t.faults_at_commands(self.proxy, action, place, 5 + i % 7, 7)
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

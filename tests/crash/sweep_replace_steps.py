#!/usr/bin/env python3
"""Steps of replacements on a server like Gmail, whichever way its open
questions are answered, and some faults in each."""
# timeout: 1800

import itertools
import time

import crash
import gmail
import tap
import test_replace_steps_gmail as base

# Where a copy takes the original's place the labels are the copy's to keep.
SWITCHES = {
    'names': None, 'root': None, 'label_form': None, 'label_nil': None,
    'own_label': None, 'item_order': None, 'deleted_search': None,
    'index_lag': None, 'exists_lag': [0, 'noop', 0.3], 'auto_expunge': None,
    'copyuid': None, 'trash_takes': None, 'same_key': ['id+date'],
    'same_scope': None, 'same': None, 'trash_twin': None,
    'appenduid': None, 'rewrapped': None, 'bytes': ['kept', 'refolded'],
    'size_off': [0, 7], 'modseq': None, 'modseq_ahead': [0, 5],
}
TROUBLE = [('drop', 'before'), ('drop', 'after'), ('no', 'before'),
           ('no', 'after'), ('bye', 'before'), ('drop', 'tagged')]


class Switches(base.Faults):
    test_none = test_each_command = test_late = None

    def test_each_pair(self):
        until = time.monotonic() + 10 * crash.SECONDS
        found = list(gmail.pairwise(SWITCHES))
        trouble = itertools.cycle(TROUBLE)
        points, bad = 0, []
        for i, switches in enumerate(found):
            if time.monotonic() > until and i:
                break
            self.load(**switches)
            bad += ['%s: %s' % (switches, line)
                    for line in self.wrong(self.run_with())]
            names = [e['name'] for e in self.c.log()]
            for nth in range(self.login + 1 + i % 5, len(names), 5):
                do, where = next(trouble)
                wrong = self.wrong(self.run_with(
                    do=do, nth=nth, where=where))
                if wrong:
                    bad.append('%s: %s %s %d (%s): %s' % (
                        switches, do, where, nth, names[nth - 1],
                        '\n'.join(wrong)))
                points += 1
        self.verdict('any fault, %d of %d settings' % (i + 1, len(found)),
                     points, bad, 30)


if __name__ == '__main__':
    tap.main()

#!/usr/bin/env python3
"""tamis undo on servers: labels, places and rewritten messages come back."""

import unittest

import crash
import gmail
import rewriting
import servers
import tamis
import tap


class Servers(unittest.TestCase):
    def take_back(self, trial):
        trial.restore()
        self.assertEqual(trial.t.run('run').status, 0)
        before = trial.place.boxes()
        r = trial.t.run('undo', '--dry-run', '2')
        self.assertIn('would take back: rewrite: set Subject', r.out)
        self.assertIn('would take back: label work', r.out)
        self.assertEqual(trial.place.boxes(), before, r)
        r = trial.t.run('undo', '2')
        # copies that were made stay, and that is said
        self.assertEqual(r.status, tamis.SOME_FAILED, r)
        after = trial.place.boxes()
        again = trial.t.run('run')
        self.assertEqual(again.status, 0, again)
        self.assertEqual(trial.place.boxes(), after, again)
        return after, r

    def test_dovecot(self):
        with servers.Dovecot() as s:
            after, r = self.take_back(rewriting.on_dovecot(s, s))
        self.assertEqual(
            sorted((n, flags) for box, n, flags in crash.places(after)
                   if box == 'INBOX'),
            [(n, set()) for n in range(1, 10)], r)
        self.assertNotIn('Lists', after)
        self.assertTrue(all('rewritten' in m.flags for m in after['Trash']))

    def test_gmail(self):
        with gmail.Server() as s:
            t = rewriting.on_gmail(s, s)
            after, r = self.take_back(t)
        live = t.plan.live(after)
        for n, (_, labels, flags, _, _) in enumerate(rewriting.ON_GMAIL, 1):
            m, = live[n]
            self.assertEqual(
                (t.plan.kind(n, m['raw']), set(m['labels']),
                 set(m['flags'])), ('old', set(labels), set(flags)), r)

    def test_archived_on_gmail(self):
        """It has left the mailbox, and is found in All Mail."""
        with gmail.Server() as s:
            t = tamis.Tamis()
            t.rules('rules: [{name: x, when: {subject: x}, '
                    'then: [{label: a/b}, {mark: read}, archive]}]')
            t.config({'accounts': {'home': t.account(s)}})
            self.assertEqual(t.run('run').status, 0)
            s.control.load([{'raw': crash.MAIL % (b'x', 1, 1, 1),
                             'labels': ['\\Inbox', 'own']}])
            self.assertEqual(t.run('run').status, 0)
            m, = s.control.dump()['messages'].values()
            self.assertEqual((set(m['labels']), m['flags']),
                             ({'a/b', 'own'}, ['\\Seen']))
            r = t.run('undo', '2')
            self.assertEqual(r.status, 0, r)
            m, = s.control.dump()['messages'].values()
            self.assertEqual((set(m['labels']), m['flags']),
                             ({'\\Inbox', 'own'}, []))
            self.assertEqual(t.run('run').status, 0)
            m, = s.control.dump()['messages'].values()
            self.assertEqual(set(m['labels']), {'\\Inbox', 'own'})


if __name__ == '__main__':
    tap.main()

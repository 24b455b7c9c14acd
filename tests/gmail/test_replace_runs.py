#!/usr/bin/env python3
"""Messages are replaced by a run, whatever the server makes of the copies."""
# timeout: 900

import os
import sys
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, HERE + '/../lib']

import gmail		# noqa: E402
import places		# noqa: E402
import replaceplan	# noqa: E402
import tap		# noqa: E402


class Swallowed(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.s = gmail.Server().start()

    @classmethod
    def tearDownClass(cls):
        cls.s.close()

    def trial(self, **switches):
        self.s.control.reset('gmail', **switches)
        return replaceplan.on_gmail(self.s, self.s)

    def test_all_ways(self):
        """Also a copy with another Date is taken for the original, and one
        with another Message-ID is not."""
        for same in ('old_uid', 'ghost_uid', 'new_uid', 'merge', 'no_uid'):
            for key in ('id+date', 'id'):
                with self.subTest(same=same, key=key):
                    t = self.trial(same=same, same_key=key)
                    t.undisturbed()
                    messages = self.s.boxes()
                    self.nothing_left(t, messages)

    def nothing_left(self, t, messages):
        r = t.t.run('run')
        self.assertEqual(r.status, 0, r)
        self.assertEqual(self.s.boxes(), messages)

    def test_in_its_place(self):
        """There is no original any more, in Trash or elsewhere."""
        for labels in ('kept', 'lost'):
            with self.subTest(labels=labels):
                t = self.trial(same='replace', same_key='id',
                               same_labels=labels)
                r = t.t.run('run')
                self.assertEqual(r.status, 0, r)
                self.assertEqual(t.plan.differences(self.s.boxes()), [])

    def test_what_servers_change(self):
        for switches in (
                dict(bytes='refolded', rewrapped=True, size_off=3),
                dict(exists_lag='noop', index_lag='noop'),
                dict(exists_lag=0.4, index_lag=2.0),
                dict(names='el', root='[Google Mail]', label_form='mixed'),
                dict(appenduid='absent', copyuid='absent'),
                dict(trash_takes='same_id', auto_expunge=False)):
            with self.subTest(**switches):
                self.trial(**switches).undisturbed()

    def test_what_cannot_be_put_back(self):
        """The message stays as it was."""
        t = self.trial(void_labels=('\\Sent',))
        r = t.t.run('run')
        self.assertEqual(r.status, 3, r)
        messages = self.s.boxes()
        sent, = t.plan.live(messages)[8]
        self.assertEqual(sent, t.plan.before[8])
        self.assertEqual([line for line in t.plan.differences(messages)
                          if not line.startswith('8')], [])


class Elsewhere(unittest.TestCase):
    """Servers that are others by name."""

    def trial(self, profile):
        s = gmail.Server(profile=profile).start()
        self.addCleanup(s.close)
        s.boxes = lambda: s.dump_all('alice')
        return places.on_server_like(s, s, replaceplan.Elsewhere())

    def test_each(self):
        for profile in ('dovecot', 'dovecot_replace', 'cyrus', 'yahoo',
                        'no_uidplus', 'no_move', 'bare'):
            with self.subTest(profile=profile):
                t = self.trial(profile)
                t.undisturbed()
                boxes = t.place.boxes()
                r = t.t.run('run')
                self.assertEqual(r.status, 0, r)
                self.assertEqual(t.place.boxes(), boxes)

    def test_rebuilt(self):
        """A server that does not keep what it is given: the mail stays as
        it was, and is said to."""
        t = self.trial('exchange')
        before = t.place.boxes()['INBOX']
        r = t.t.run('run')
        self.assertEqual(r.status, 3, r)
        self.assertIn('the server changed what was uploaded', r.out)
        digests = {m.digest for box, mails in t.place.boxes().items()
                   if box != 'Trash' for m in mails}
        self.assertEqual(digests, {m.digest for m in before})


if __name__ == '__main__':
    tap.main()

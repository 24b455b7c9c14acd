"""What the tests of the model share."""

import unittest

import gmail
from mailmaker import message
from talk import Talk

ALL, TRASH = '[Gmail]/All Mail', '[Gmail]/Trash'
SPAM, STARRED = '[Gmail]/Spam', '[Gmail]/Starred'


def mid(n):
    return '%d@example.org' % n


class Case(unittest.TestCase):
    """One server for all methods, as new for each."""

    @classmethod
    def setUpClass(cls):
        cls.s = gmail.Server().start()

    @classmethod
    def tearDownClass(cls):
        cls.s.close()

    def setUp(self):
        self.c = self.s.control
        self.c.reset('gmail')

    def fresh(self, **switches):
        """For a loop over the values of a switch."""
        self.c.reset(**switches)

    def load(self, n, *labels, **more):
        """One message; its id."""
        return self.c.load([dict(
            raw=message(n), labels=labels or ('\\Inbox',), **more)])[0]

    def talk(self, select=None, **more):
        t = Talk(self.s, select=select, **more)
        self.addCleanup(t.close)
        return t

    def m(self, id):
        return self.c.dump()['messages'].get(id)

    def uid(self, id, folder):
        for u, i in self.c.dump()['folders'][folder]['uids'].items():
            if i == id:
                return u
        return None

    def folders_of(self, id):
        return sorted(n for n, f in self.c.dump()['folders'].items()
                      if id in f['uids'].values())

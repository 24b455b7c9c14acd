"""What the whole-run tests share.

    class Things(runs.Case):
        def test_it(self):
            s = self.start(servers.Dovecot())
            self.configure(a=self.t.account(s))
            self.expect(0, 'run')
            self.places(s) == {3: [('INBOX', frozenset())]}
"""

import os
import sqlite3
import unittest

import maildir
import tamis


class Case(unittest.TestCase):
    def setUp(self):
        self.t = tamis.Tamis()

    def start(self, peer):
        """Starts a server (or enters a proxy); it ends with the test."""
        if hasattr(peer, 'start'):
            peer.start()
        self.addCleanup(peer.close)
        return peer

    def configure(self, top=None, **accounts):
        """The config of these accounts, in this order."""
        self.t.config(dict(top or {}, accounts=accounts))

    def expect(self, status, *args, **more):
        r = self.t.run(*args, **more)
        if r.status != status:
            text = repr(r)
            self.fail('exit %d, not %d: %s\n[...]\n%s' % (
                r.status, status, text[:4000], text[4000:][-2000:]))
        self.sane(r)
        return r

    def sane(self, r):
        """Nothing of a sanitizer, no error without words."""
        self.assertNotIn('Sanitizer', r.err, r)
        self.assertNotIn('runtime error', r.err, r)

    # -------------------------------------------------------------- mail

    def places(self, s, user='alice'):
        """{message number: [(mailbox, flags)]} of a server or a Maildir."""
        boxes = maildir.dump(s) if isinstance(s, str) else s.dump_all(user)
        found = {}
        for box, messages in sorted(boxes.items()):
            for m in messages:
                n = int(m.message_id.split('@')[0])
                found.setdefault(n, []).append((box, m.flags))
        return found

    def boxes_of(self, s, user='alice'):
        """{message number: [mailbox]} without those marked for deletion."""
        return {n: [box for box, flags in where if '\\Deleted' not in flags]
                for n, where in self.places(s, user).items()}

    # ------------------------------------------------------------- state

    def db(self, account='a'):
        return os.path.join(self.t.state_dir, account, 'state.db')

    def query(self, sql, *args, account='a'):
        """Rows of the state, without touching it."""
        db = sqlite3.connect('file:%s?mode=ro' % self.db(account), uri=True)
        try:
            return db.execute(sql, args).fetchall()
        finally:
            db.close()

    def alter(self, sql, *args, account='a'):
        """Makes the state other than the program would."""
        db = sqlite3.connect(self.db(account))
        try:
            db.execute(sql, args)
            db.commit()
        finally:
            db.close()

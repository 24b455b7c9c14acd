#!/usr/bin/env python3
"""Many messages, long sets, new mailboxes, and names that strangers chose."""
# timeout: 300

import os
import unittest

import faultproxy
import maildir
import runs
import servers
import tamis
import tap
from mailmaker import ids, message

LINE_MAX = 8000		# octets of a command line, RFC 7162 section 4
NO_MOVE = servers.BARE + ' UIDPLUS SPECIAL-USE'
N = 6000


class Large(runs.Case):
    """Of 6,000 messages every second is gone: no two UIDs stand together,
    and a set of them is some 16,000 octets."""

    capability = None

    @classmethod
    def setUpClass(cls):
        cls.server = servers.Dovecot(capability=cls.capability)
        cls.server.start()
        cls.addClassCleanup(cls.server.close)
        home = cls.server.folder + '/home/alice/Maildir'
        maildir.make(home)
        for n in range(1, N + 1):
            with open('%s/cur/%d.M%dP1.test:2,' % (home, 1780000000 + n, n),
                      'wb') as f:
                f.write(message(n, subject='even' if n % 2 == 0 else 'odd'))
        servers.own_tree(home, cls.server.uid, cls.server.gid)
        with servers.closing(cls.server.client()) as c:
            servers.check(c.select('INBOX'))
            for n in range(1, N + 1):
                if n % 2:
                    os.unlink('%s/cur/%d.M%dP1.test:2,' % (
                        home, 1780000000 + n, n))
            servers.check(c.noop())
        cls.server.save()

    def setUp(self):
        super().setUp()
        self.server.restore()
        self.proxy = self.start(faultproxy.Proxy(self.server))
        self.configure(a=self.t.account(self.proxy))

    def test_all_are_moved_once(self):
        self.t.rules('''
rules:
  - {name: go, when: {subject: even},
     then: [{mark: [read, starred]}, {label: [one, two]}, {move: Gone}]}
''')
        r = self.expect(0, '--json', 'run', '--all')
        run, = [o for o in r.json() if o['type'] == 'run']
        self.assertEqual((run['judged'], run['changed']), (N // 2, N // 2))
        self.assertLessEqual(self.proxy.longest, LINE_MAX)
        self.assertGreater(self.proxy.longest, LINE_MAX // 2)
        gone = self.server.dump('alice', 'Gone')
        self.assertEqual(ids(gone), list(range(2, N + 1, 2)))
        self.assertEqual({m.flags for m in gone}, {frozenset(
            ['\\Seen', '\\Flagged', 'one', 'two'])})
        self.assertEqual(self.server.dump('alice'), [])
        self.assertEqual(self.query(
            'SELECT state, count(*) FROM change GROUP BY state'),
            [(1, N // 2 * 3)])
        self.assertLess(self.proxy.turns, 40)
        self.assertEqual(self.proxy.errors, [])
        # again, nothing
        self.expect(0, 'run', '--all')
        self.assertEqual(self.server.dump('alice', 'Gone'), gone)

    def test_some_in_portions(self):
        """By --max, a search that answers with a long set, and bodies."""
        self.t.rules('''
rules:
  - {name: star, when: {body: hello}, then: [{mark: starred}]}
''')
        self.expect(0, 'run', '--all', '--max', '1000')
        starred = [m for m in self.server.dump('alice')
                   if '\\Flagged' in m.flags]
        self.assertEqual(ids(starred), list(range(2, 2001, 2)))
        self.expect(0, 'run', '--search', 'UNFLAGGED')
        self.assertEqual({m.flags for m in self.server.dump('alice')},
                         {frozenset(['\\Flagged'])})
        self.assertLessEqual(self.proxy.longest, LINE_MAX)

    def test_cut_in_the_midst(self):
        """The connection ends behind some of the moves."""
        self.t.rules('''
rules:
  - {name: go, when: {subject: even}, then: [{move: Gone}]}
''')
        command = 'UID COPY' if self.capability else 'UID MOVE'
        self.proxy.arm(faultproxy.Fault('cut', reply=command, nth=2))
        self.expect(tamis.LATER, 'run', '--all')
        self.proxy.arm()
        self.expect(0, 'run', '--all')
        self.assertEqual(ids(self.server.dump('alice', 'Gone')),
                         list(range(2, N + 1, 2)))
        self.assertEqual(self.server.dump('alice'), [])


class LargeWithoutMove(Large):
    capability = NO_MOVE


class NewMailboxes(runs.Case):
    def setUp(self):
        super().setUp()
        self.server = self.start(servers.Dovecot())
        self.t.rules('''
rules:
  - {name: sort, when: {header: {X-Box: {exists: true}}},
     then: [{move: "box/$(header.X-Box)"}]}
  - {name: star, when: {subject: star}, then: [{mark: starred}]}
''')
        self.before = self.server.mailboxes('alice')

    def fill(self, numbers, box=None):
        self.server.append('alice', 'INBOX', [
            message(n, headers=[('X-Box', box or 'b%d' % n)])
            for n in numbers])

    def made(self):
        return sorted(set(self.server.mailboxes('alice')) -
                      set(self.before) - {'box'})

    def test_a_brake(self):
        self.configure(top={'limits': {'new_mailboxes': 3}},
                       a=self.t.account(self.server))
        self.expect(0, 'run')
        self.fill(range(1, 9))
        self.fill([9], box='b1')	# goes where another has gone
        self.server.append('alice', 'INBOX', message(20, subject='star'))
        r = self.expect(0, 'run')
        self.assertIn('limits.new_mailboxes', r.out)
        self.assertEqual(len(self.made()), 3)
        self.assertEqual(self.places(self.server)[20],
                         [('INBOX', frozenset(['\\Flagged']))])
        self.assertEqual(self.boxes_of(self.server)[9], ['box/b1'])
        self.expect(0, 'run')
        self.assertEqual(len(self.made()), 6)
        r = self.expect(0, 'run')
        self.assertNotIn('limits.new_mailboxes', r.out)
        self.assertEqual(
            self.boxes_of(self.server),
            {n: ['box/b%d' % n] for n in range(1, 9)} |
            {9: ['box/b1'], 20: ['INBOX']})

    def test_none_may_be_made(self):
        self.configure(top={'limits': {'new_mailboxes': 0}},
                       a=self.t.account(self.server))
        self.expect(0, 'run')
        self.fill([1, 2])
        self.server.create('alice', 'box/b2')
        for status in (0, 0, 0, 0, 3, 0):
            self.expect(status, 'run')
            self.assertEqual(self.boxes_of(self.server),
                             {1: ['INBOX'], 2: ['box/b2']})

    def test_a_dry_run_makes_none(self):
        self.configure(a=self.t.account(self.server))
        self.fill([1])
        self.expect(1, 'run', '--all', '--dry-run')
        self.assertEqual(self.made(), [])


# What a stranger writes into a header: what a level becomes, or None if
# nothing may come of it.
HOSTILE = [
    ('../../etc/passwd', '___.._etc_passwd'),
    ('/absolute', None),
    ('..', None),
    ('.hidden', None),
    ('a/b/c', 'a_b_c'),
    ('50% off*', '50_ off_'),
    ('back\\slash', 'back_slash'),
    ('bell\x07\x1b[31m', None),
    ('x' * 300, 'x' * 100),
    ('\u00fc' * 300, None),
    ('"quoted" {5}', None),
    ('&AGE-', None),
    ('INBOX', 'INBOX'),
    ('inbox', 'inbox'),
    ('Trash', 'Trash'),
    ('~root', '~root'),
    ('#shared', '#shared'),
    ('=?utf-8?q?a=0D=0Ab?=', None),
    ('=?utf-8?q?a=00b?=', None),
    ('=?utf-8?q?=E2=80=AEevil?=', None),
    ('=?utf-8?q?=FF=FE?=', None),
    ('   ', None),
]


class Hostile(runs.Case):
    """A template's value is one level, whatever it holds."""

    def deliver(self, put):
        for n, (value, _) in enumerate(HOSTILE, 1):
            raw = message(n).replace(
                b'\r\n\r\n', b'\r\nX-L: ' + value.encode() + b'\r\n\r\n', 1)
            put(raw)

    def look(self, names, below):
        """All names are below that, one level deep, and harmless."""
        levels = []
        for name in names:
            self.assertTrue(name == below or name.startswith(below + '/'),
                            name)
            if name != below:
                levels.append(name[len(below) + 1:])
        self.assertGreater(len(levels), len(HOSTILE) // 2)
        for level in levels:
            for bad in '/*%\\\0\r\n\x07\x1b':
                self.assertNotIn(bad, level)
            self.assertFalse(level.startswith('.'), level)
            self.assertLessEqual(len(level), 100)
            self.assertNotEqual(level, '')
        return levels

    def wanted(self):
        return {v for _, v in HOSTILE if v}

    def test_folders(self):
        for s in (servers.Dovecot(format='mdbox'), servers.Cyrus()):
            with self.subTest(type(s).__name__):
                self.folders_on(self.start(s))

    def folders_on(self, s):
        self.t = tamis.Tamis()
        self.t.rules('''
rules:
  - {name: put, when: {subject: message},
     then: [{copy: "m/$(header.X-L)"}, {label: "l/$(header.X-L)"}]}
''')
        self.configure(top={'limits': {'new_mailboxes': 200}},
                       a=self.t.account(s, labels='folders'))
        self.expect(0, 'run')
        before = s.mailboxes('alice')
        self.deliver(lambda raw: s.append('alice', 'INBOX', raw))
        r = self.t.run('run')
        self.sane(r)
        self.assertIn(r.status, (0, 3), r)
        new = sorted(set(s.mailboxes('alice')) - set(before))
        names = [decoded(n) for n in new]
        for below in ('m', 'l'):
            levels = self.look([n for n in names
                                if n.split('/')[0] == below], below)
            for level in self.wanted():
                self.assertIn(level, levels)
        self.assertEqual({n.split('/')[0] for n in names}, {'m', 'l'})
        self.assertEqual(len(s.dump('alice')), len(HOSTILE))
        # and it knows its own work again
        done = s.dump_all('alice')
        r = self.t.run('run', '--all')
        self.assertEqual(s.dump_all('alice'), done)

    def test_keywords(self):
        s = self.start(servers.Dovecot(format='mdbox'))
        self.t.rules('''
rules:
  - {name: put, when: {subject: message}, then: [{label: "$(header.X-L)"}]}
''')
        self.configure(a=self.t.account(s))
        self.expect(0, 'run')
        self.deliver(lambda raw: s.append('alice', 'INBOX', raw))
        r = self.t.run('run')
        self.sane(r)
        self.assertIn(r.status, (0, 3), r)
        done = s.dump('alice')
        for m in done:
            for flag in m.flags:
                # an atom, and none of the server's own
                self.assertRegex(flag, r'^[!#$&-[^-z|}~]+$')
        self.assertGreater(sum(bool(m.flags) for m in done),
                           len(HOSTILE) // 2)
        r = self.t.run('run', '--all')
        self.assertEqual(s.dump('alice'), done)

    def test_at_the_top(self):
        """Not even where nothing stands before it."""
        s = self.start(servers.Dovecot(format='mdbox'))
        self.t.rules('''
rules:
  - {name: put, when: {subject: message}, then: [{copy: "$(header.X-L)"}]}
''')
        self.configure(top={'limits': {'new_mailboxes': 200}},
                       a=self.t.account(s))
        self.expect(0, 'run')
        self.deliver(lambda raw: s.append('alice', 'INBOX', raw))
        r = self.t.run('run')
        self.sane(r)
        self.assertIn(r.status, (0, 3), r)
        for name in map(decoded, s.mailboxes('alice')):
            self.assertNotIn('/', name)
            self.assertFalse(name.startswith('.'))
            self.assertEqual(name.upper() == 'INBOX', name == 'INBOX')

    def test_maildir(self):
        box = self.t.home + '/Mail'
        maildir.make(box)
        self.t.rules('''
rules:
  - {name: put, when: {subject: message},
     then: [{copy: "m/$(header.X-L)"}, {label: "l/$(header.X-L)"}]}
''')
        self.configure(top={'limits': {'new_mailboxes': 200}},
                       a={'maildir': box, 'labels': 'keywords'})
        self.expect(0, 'run')
        n = [0]

        def put(raw):
            n[0] += 1
            maildir.deliver(box, [raw], n[0])
        self.deliver(put)
        outside = tamis.snapshot(self.t.folder)
        r = self.t.run('run')
        self.sane(r)
        self.assertIn(r.status, (0, 3), r)
        for name in os.listdir(box):
            if name.startswith('.'):
                self.assertRegex(name, r'^\.m(\.|$)')
                self.assertLessEqual(len(name.encode()), 255)
                self.assertNotIn('..', name)
        now = tamis.snapshot(self.t.folder)
        strange = [p for p in now if p not in outside and
                   not p.startswith(('home/Mail/', 'home/.local/state/'))]
        self.assertEqual(strange, [])
        self.assertEqual(len(maildir.dump(box)['INBOX']), len(HOSTILE))


def decoded(name):
    """Modified UTF-7 (RFC 3501 section 5.1.3) to text."""
    out, rest = '', name
    while '&' in rest:
        before, _, rest = rest.partition('&')
        code, _, rest = rest.partition('-')
        out += before + ('&' if not code else (
            '+' + code.replace(',', '/') + '-').encode().decode('utf-7'))
    return out + rest


if __name__ == '__main__':
    tap.main()

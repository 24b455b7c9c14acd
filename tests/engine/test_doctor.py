#!/usr/bin/env python3
"""tamis doctor: what is there, what is used, what will not work."""
# timeout: 180

import os
import subprocess
import unittest

import faultproxy
import maildir
import runs
import servers
import tamis
import tap
from mailmaker import message

RULES = 'rules: [{name: star, when: {subject: star}, then: [{mark: read}]}]'


class Doctor(runs.Case):
    def setUp(self):
        super().setUp()
        self.t.rules(RULES)

    def examine(self, status, account, *args):
        """Asks it, both ways; {key: [(value, good)]}."""
        self.configure(a=account)
        text = self.expect(status, 'doctor', *args)
        self.assertEqual(text.err, '')
        facts = self.expect(status, '--json', 'doctor', *args).json()
        found = {}
        for fact in facts:
            self.assertEqual((fact['type'], fact['account'], fact['v']),
                             ('fact', 'a', 1))
            found.setdefault(fact['key'], []).append(
                (fact['value'], fact['good']))
            # UIDs of a Maildir without state are made up each time
            self.assertIn('a: %s: ' % fact['key'], text.out)
        self.assertEqual(list(found)[0], 'account')
        self.assertEqual(list(found)[-1], 'result')
        bad = [v for key, values in found.items() for v, good in values
               if not good and key != 'result']
        self.assertEqual(found['result'][0][1], not bad)
        self.assertEqual(status == 0, not bad)
        return found

    def wrong(self, found, key):
        """The one thing that is wrong."""
        (value, good), = [v for v in found[key] if not v[1]]
        self.assertEqual([k for k, v in found.items() for _, ok in v
                          if not ok], [key, 'result'])
        return value

    def server_line(self, found, word):
        line, = [v for v, _ in found['server'] if v.split()[:1] == [word]]
        return line

    def all_is_well(self, server, mechanism):
        server.append('alice', 'INBOX', message(1))
        before = server.dump_all('alice'), server.mailboxes('alice')
        found = self.examine(0, self.t.account(server))
        self.assertEqual(found['account'], [(
            'imaps://localhost:%d alice' % server.tls_port, True)])
        text = '\n'.join(v for v, _ in found['server'])
        self.assertIn(mechanism, text)
        self.assertIn('IMAP4rev1', text)
        self.assertIn('one step', self.server_line(found, 'MOVE'))
        self.assertNotIn('missing', self.server_line(found, 'UIDPLUS'))
        self.assertIn('keywords', text)
        self.assertEqual(
            [found[k] for k in ('archive', 'trash', 'spam')],
            [[('Archive', True)], [('Trash', True)], [('Junk', True)]])
        self.assertIn('INBOX: 1 message,', found['mailbox'][0][0])
        self.assertFalse(os.path.exists(self.t.state_dir))
        self.assertEqual((server.dump_all('alice'),
                          server.mailboxes('alice')), before)

    def test_dovecot(self):
        self.all_is_well(self.start(servers.Dovecot()), 'SCRAM-SHA-256')

    def test_cyrus(self):
        self.all_is_well(self.start(servers.Cyrus()), 'PLAIN')

    def test_of_few_words(self):
        """A server that offers nothing newer than RFC 3501."""
        s = self.start(servers.Dovecot(capability=servers.BARE))
        found = self.examine(0, self.t.account(s, labels='folders'))
        self.assertIn('COPY', self.server_line(found, 'MOVE'))
        self.assertIn('never expunged', self.server_line(found, 'UIDPLUS'))
        self.assertIn('missing', self.server_line(found, 'CONDSTORE'))
        self.assertIn('folders', self.server_line(found, 'labels'))
        self.assertIn('no MODSEQ', found['mailbox'][0][0])

    def test_without_special_use(self):
        """No place for archive, and the account names none."""
        s = self.start(servers.Dovecot())
        s.stop()
        servers.SPECIAL, kept = (), servers.SPECIAL
        try:
            s.start()
        finally:
            servers.SPECIAL = kept
        found = self.examine(1, self.t.account(s))
        for key in ('archive', 'trash', 'spam'):
            (value, good), = found[key]
            self.assertFalse(good)
            self.assertIn('`%s:`' % key, value)
        found = self.examine(0, self.t.account(
            s, archive='Old', trash='Bin', spam='Bad'))
        self.assertEqual(found['archive'], [('Old', True)])

    def test_maildir(self):
        box = self.t.home + '/Mail'
        maildir.deliver(box, [message(1), message(2)])
        maildir.make(box + '/.Lists.one')
        before = tamis.snapshot(box)
        account = {'maildir': box, 'mailboxes': ['INBOX', 'Lists/one']}
        found = self.examine(0, account)
        self.assertEqual(found['account'], [(box, True)])
        self.assertIn('INBOX: 2 messages', found['mailbox'][0][0])
        self.assertIn('Lists/one: 0 messages', found['mailbox'][1][0])
        self.assertEqual(tamis.snapshot(box), before)
        self.assertFalse(os.path.exists(self.t.state_dir))
        # from the state, where there is one
        self.expect(0, 'run')
        state = tamis.snapshot(self.t.state_dir)
        uidvalidity, = self.query(
            "SELECT names_uidvalidity FROM mailbox WHERE name = 'INBOX'")[0]
        found = self.examine(0, account)
        self.assertIn('UIDVALIDITY %d, UIDNEXT 3,' % uidvalidity,
                      found['mailbox'][0][0])
        self.assertEqual(tamis.snapshot(self.t.state_dir), state)

    def test_keys_for_smime(self):
        subprocess.run(
            ['openssl', 'req', '-x509', '-newkey', 'ec', '-pkeyopt',
             'ec_paramgen_curve:P-256', '-passout', 'pass:secret',
             '-subj', '/CN=x', '-addext',
             'subjectAltName=email:alice@example.org', '-days', '9',
             '-keyout', 'k.pem', '-out', 'c.pem'], check=True,
            cwd=self.t.folder, stderr=subprocess.PIPE)
        account = {'maildir': '~/Maildir', 'smime': {
            'key_file': self.t.folder + '/k.pem',
            'certificate_file': self.t.folder + '/c.pem',
            'passphrase_command': ['echo', 'secret']}}
        maildir.make(self.t.home + '/Maildir')
        found = self.examine(0, account)
        self.assertRegex(found['smime'][0][0], r'^alice@example\.org, '
                         r'certified until 2\d{3}-\d\d-\d\d$')
        account['smime']['passphrase_command'] = ['echo', 'wrong']
        found = self.examine(tamis.BAD_CONFIG, account)
        self.assertIn('k.pem; perhaps the passphrase is wrong',
                      self.wrong(found, 'smime'))

    def test_a_mailbox_is_missing(self):
        s = self.start(servers.Dovecot())
        found = self.examine(1, self.t.account(
            s, mailboxes=['INBOX', 'Nowhere', 'Trash']))
        value = self.wrong(found, 'mailbox')
        self.assertIn('Nowhere', value)
        self.assertIn('`mailboxes:`', value)
        self.assertEqual(len(found['mailbox']), 3)
        self.assertEqual(s.mailboxes('alice'), sorted(
            servers.SPECIAL + ('INBOX',)))
        box = self.t.home + '/Mail'
        maildir.make(box)
        value = self.wrong(self.examine(1, {
            'maildir': box, 'mailboxes': ['Nowhere']}), 'mailbox')
        self.assertIn('Nowhere', value)

    def test_it_does_not_come_in(self):
        s = self.start(servers.Dovecot())
        good = self.t.account(s)
        self.t.write('wrong', 'not it\n')
        no_ca = dict(good)
        del no_ca['tls']
        for status, words, account in (
                (77, ['alice'], dict(good, auth={
                    'password_file': self.t.config_dir + '/wrong'})),
                (75, ['localhost', 'port'], dict(
                    good, imap='imaps://localhost:%d' %
                    servers.free_port())),
                (78, ['certificate', 'ca_file'], no_ca),
                (78, ['imap://'], dict(
                    good, imap='imaps://localhost:%d' % s.port)),
                (78, ['password file', 'chmod 600'], dict(
                    good, auth={'password_file': self.t.write(
                        'open', 'secret\n', 0o644)})),
                (75, ['helper', 'status 3'], dict(
                    good, auth={'password_command': [self.t.write(
                        'helper', '#!/bin/sh\nexit 3\n', 0o700)]})),
                (78, ['nowhere'], {'maildir': self.t.home + '/nowhere'})):
            with self.subTest(words):
                found = self.examine(status, account)
                value = self.wrong(found, 'connect')
                for word in words:
                    self.assertIn(word, value)
                self.assertNotIn('not it', value)

    def test_it_loses_the_connection(self):
        s = self.start(servers.Dovecot())
        for command in ('LIST', 'EXAMINE'):
            p = self.start(faultproxy.Proxy(s, faultproxy.Fault(
                'bye', command=command, times=9)))
            self.examine(75, self.t.account(
                p, mailboxes=['INBOX', 'Trash', 'Sent']))

    def test_state_of_somebody_else(self):
        s = self.start(servers.Dovecot())
        self.configure(a=self.t.account(s))
        self.expect(0, 'run')
        found = self.examine(78, self.t.account(s, user='bob'))
        self.assertIn('alice', self.wrong(found, 'state'))
        self.assertEqual(found['archive'], [('Archive', True)])

    def test_insecure_is_said(self):
        s = self.start(servers.Dovecot())
        found = self.examine(1, self.t.account(s, tls=True) | {
            'tls': {'insecure': True}})
        self.assertIn('insecure', self.wrong(found, 'tls'))

    def test_several(self):
        s = self.start(servers.Dovecot())
        self.configure(one=self.t.account(s), two=self.t.account(
            s, mailboxes=['Nowhere']), three=self.t.account(s))
        facts = self.expect(1, '--json', 'doctor').json()
        order = [f['account'] for f in facts]
        self.assertEqual(order, sorted(
            order, key=['one', 'two', 'three'].index))
        self.assertEqual([f['good'] for f in facts if
                          f['key'] == 'result'], [True, False, True])
        facts = self.expect(0, '--json', 'doctor', '-a', 'three').json()
        self.assertEqual({f['account'] for f in facts}, {'three'})

    def test_without_accounts(self):
        self.configure()
        r = self.expect(tamis.USAGE, 'doctor')
        self.assertIn('account', r.err)


if __name__ == '__main__':
    tap.main()

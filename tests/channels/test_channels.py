#!/usr/bin/env python3
"""Notifications by themselves: each kind of channel against a real peer."""
# timeout: 300

import email
import email.policy
import json
import os
import subprocess
import time
import unittest

import peers
import tamis
import tap

SEND = os.path.join(os.path.dirname(tamis.PROGRAM), 'tests/channels/send')
NASTY = 'a <b>&amp; "q" \\ \u202e\x1b[31m $(id) \xe9'
SAFE = 'a <b>&amp; "q" \\ \\u{202E}\\x1B[31m $(id) \xe9'


class Case(unittest.TestCase):
    def setUp(self):
        self.t = tamis.Tamis()

    def own(self, peer):
        self.addCleanup(peer.close)
        return peer

    def config(self, **channels):
        return self.t.config(json.dumps(
            {'version': 1, 'notify': channels}, indent=1) + '\n')

    def send(self, config, channel, env=None, **words):
        """(what came of it, why)"""
        words = dict({'summary': 'hello', 'rule': 'r 1', 'account': 'home',
                      'mailbox': 'INBOX'}, **words)
        p = subprocess.run(
            [SEND, config, channel] + ['%s=%s' % w for w in words.items()],
            capture_output=True, text=True, timeout=60, cwd=self.t.folder,
            env=dict(self.t.env, **(env or {})))
        self.assertEqual((p.returncode, p.stderr), (0, ''), p)
        end, _, why = p.stdout.rstrip('\n').partition(': ')
        return end, why

    def refused(self, text, where, **channel):
        """The config is refused, saying TEXT at the place of WHERE."""
        path = self.config(x=channel)
        r = self.t.run('check')
        self.assertEqual(r.status, 1, r)
        self.assertIn(text, r.out)
        with open(path) as f:
            line = next(i for i, s in enumerate(f, 1) if where in s)
        self.assertIn('config.yaml:%d:' % line, r.out)


@unittest.skipUnless(os.path.exists(peers.NOTIFYD),
                     'built without libsystemd')
class Desktop(Case):
    def setUp(self):
        super().setUp()
        self.bus = self.own(peers.Bus())
        self.env = {'DBUS_SESSION_BUS_ADDRESS': self.bus.address}
        self.path = self.config(desktop={})

    def test_all_of_it(self):
        desk = self.own(peers.Desktop(self.bus))
        self.assertEqual(self.send(
            self.path, 'desktop', self.env, summary=NASTY,
            body='one\r\ntwo\x07\n\n', urgency='critical', icon='mail-unread',
            sound='message-new-email', sticky='1'), ('sent', ''))
        self.assertEqual(desk.next(), {
            'app': 'tamis', 'icon': 'mail-unread', 'summary': SAFE,
            'body': 'one\\ntwo\\x07', 'expires': '0',
            'hint.urgency': 'byte 2', 'hint.category': 'email.arrived',
            'hint.sound-name': 'message-new-email'})

    def test_markup_is_escaped_where_it_is_read(self):
        desk = self.own(peers.Desktop(self.bus, 'markup'))
        self.send(self.path, 'desktop', self.env, body='<i>&amp;</i>',
                  sound='/usr/share/sounds/x.oga', urgency='low')
        note = desk.next()
        self.assertEqual(note['body'], '&lt;i&gt;&amp;amp;&lt;/i&gt;')
        self.assertEqual(note['hint.urgency'], 'byte 0')
        self.assertEqual(note['hint.sound-file'], '/usr/share/sounds/x.oga')
        self.assertEqual(note['expires'], '-1')

    def test_the_bus_is_found_without_a_session(self):
        """As from cron: by XDG_RUNTIME_DIR, or /run/user/UID."""
        desk = self.own(peers.Desktop(self.bus))
        self.assertEqual(self.send(self.path, 'desktop', {
            'XDG_RUNTIME_DIR': self.bus.folder})[0], 'sent')
        self.assertEqual(desk.next()['summary'], 'hello')
        if not os.path.exists('/run/user/%d/bus' % os.getuid()):
            end, why = self.send(self.path, 'desktop')
            self.assertEqual(end, 'later')
            self.assertIn('no session bus at unix:path=/run/user/%d/bus: '
                          % os.getuid(), why)

    def test_nobody_there(self):
        end, why = self.send(self.path, 'desktop', self.env)
        self.assertEqual(end, 'later')
        self.assertIn('no notification daemon is running', why)
        end, why = self.send(self.path, 'desktop', {
            'DBUS_SESSION_BUS_ADDRESS': 'unix:path=/nowhere/bus'})
        self.assertEqual(end, 'later')
        self.assertIn('no session bus at unix:path=/nowhere/bus', why)

    def test_no_answer_is_unsure(self):
        desk = self.own(peers.Desktop(self.bus, 'mute'))
        path = self.config(desktop={'timeout': '2s'})
        self.assertEqual(self.send(path, 'desktop', self.env)[0],
                         'unsure')
        self.assertTrue(desk.next())
        desk.close()
        desk = self.own(peers.Desktop(self.bus, 'fail'))
        end, why = self.send(self.path, 'desktop', self.env)
        self.assertEqual(end, 'unsure')
        self.assertIn('no room on the screen', why)

    def look(self, env):
        self.t.config({'rules': [], 'accounts': {
            'a': {'maildir': self.t.folder + '/Mail'}},
            'notify': {'desktop': {}}})
        for part in ('cur', 'new', 'tmp'):
            os.makedirs('%s/Mail/%s' % (self.t.folder, part), exist_ok=True)
        return self.t.run('doctor', env=env)

    def test_doctor(self):
        desk = self.own(peers.Desktop(self.bus))
        r = self.look(self.env)
        self.assertIn('notify: desktop: notifyd 1.0 answers\n', r.out)
        self.assertEqual(r.status, 0, r)
        desk.close()
        r = self.look(self.env)
        self.assertIn('no notification daemon is running', r.out)
        self.assertEqual(r.status, 1, r)


class Command(Case):
    def program(self, text):
        path = self.t.write('tell', '#!/bin/sh\n' + text, 0o700)
        return [path, 'of $(rule)', '$(account)/$(mailbox)', '$$(x)']

    def test_all_of_it(self):
        out = self.t.folder + '/out'
        path = self.config(x={'command': self.program(
            'printf "%%s\\n" "$@" > %s; cat >> %s; env | grep TAMIS_ | sort '
            '>> %s' % (out, out, out))})
        self.assertEqual(self.send(
            path, 'x', summary=NASTY, body='one\ntwo', uid='7',
            **{'from': 'Tom <tom@example.org>', 'subject': 'x\ny',
               'message_id': 'm@example.org'}), ('sent', ''))
        with open(out) as f:
            self.assertEqual(f.read(), '\n'.join([
                'of r 1', 'home/INBOX', '$(x)', SAFE, '', 'one', 'two',
                'TAMIS_ACCOUNT=home', 'TAMIS_BODY=one', 
                'TAMIS_FROM=Tom <tom@example.org>', 'TAMIS_ICON=',
                'TAMIS_MAILBOX=INBOX', 'TAMIS_MESSAGE_ID=m@example.org',
                'TAMIS_RULE=r 1', 'TAMIS_SOUND=', 'TAMIS_SUBJECT=x\\x0Ay',
                'TAMIS_SUMMARY=' + SAFE, 'TAMIS_UID=7',
                'TAMIS_URGENCY=normal', '']))

    def test_how_it_ends(self):
        for text, end, why in [
                ('exit 1', 'refused', 'exited with status 1'),
                ('exit 75', 'later', 'exited with status 75'),
                ('kill -9 $$', 'unsure', 'ended by signal 9'),
                ('exec sleep 30', 'unsure', 'took more than 1 s')]:
            with self.subTest(text=text):
                path = self.config(x={'command': self.program(text),
                                      'timeout': '1s'})
                got = self.send(path, 'x')
                self.assertEqual(got[0], end)
                self.assertIn(why, got[1])
        path = self.config(x={'command': ['/nowhere/tell']})
        end, why = self.send(path, 'x')
        self.assertEqual(end, 'refused')
        self.assertIn('channel x: cannot start /nowhere/tell', why)

    def test_no_text_of_a_message_in_arguments(self):
        self.refused('`command` takes no text from a message: $(subject)',
                     'subject', command=['/bin/echo', '$(subject)'])
        self.refused('`command` takes no text from a message', 'rule',
                     command=['/bin/$(rule)'])
        self.refused('`command` knows no $(nobody)', 'nobody',
                     command=['/bin/echo', '$(nobody)'])
        self.refused('is not closed', 'rule', command=['/bin/echo', '$(rule'])
        self.refused('must be a list', 'echo', command='echo x')


class Webhook(Case):
    def hook(self, web, **more):
        channel = {'webhook': web.url}
        if web.tls:
            channel['tls'] = {'ca_file': web.ca_file}
        else:
            channel['insecure'] = True
        channel.update(more)
        return self.config(x=channel)

    def test_all_of_it(self):
        for tls in (True, False):
            web = self.own(peers.Web(tls))
            self.assertEqual(self.send(
                self.hook(web), 'x', summary=NASTY, body='one\ntwo',
                subject=NASTY, urgency='critical',
                **{'from': 'Tom "T" <tom@example.org>'}), ('sent', ''))
            r, = web.requests
            self.assertEqual((r.method, r.path), ('POST', '/hook'))
            self.assertEqual(r.headers['content-type'], 'application/json')
            self.assertNotIn('expect', r.headers)
            self.assertEqual(r.json(), {
                'title': SAFE, 'message': 'one\ntwo', 'urgency': 'critical',
                'account': 'home', 'mailbox': 'INBOX', 'rule': 'r 1',
                'from': 'Tom "T" <tom@example.org>', 'subject': SAFE,
                'message_id': ''})

    def test_template_and_headers(self):
        web = self.own(peers.Web())
        path = self.hook(web, headers={
            'Content-Type': 'text/x-own', 'Authorization': 'Bearer t'},
            body_template='{"text": "$(subject): $(body)", "cost": "1 $"}\n')
        self.send(path, 'x', subject='"},{"x":"', body='a\\b')
        r, = web.requests
        self.assertEqual(r.headers['content-type'], 'text/x-own')
        self.assertEqual(r.headers['authorization'], 'Bearer t')
        self.assertEqual(r.json(), {'text': '"},{"x":": a\\b',
                                    'cost': '1 $'})

    def test_a_secret_is_nobody_elses(self):
        path = self.config(x={'webhook': 'https://example.org/x',
                              'headers': {'X-Api-Key': 'k', 'X-Any': 'a'}})
        self.assertEqual(self.t.run('check').status, 0)
        os.chmod(path, 0o644)
        r = self.t.run('check')
        self.assertEqual(r.status, 1, r)
        self.assertIn('`X-Api-Key` seems to hold a secret', r.out)
        self.assertNotIn('X-Any` seems', r.out)

    def test_what_it_answers(self):
        web = self.own(peers.Web())
        path = self.hook(web, timeout='3s')
        for answer, end in [
                (204, 'sent'), (404, 'refused'), (429, 'later'),
                (503, 'later'), (500, 'unsure'), ('hang', 'unsure'),
                ('close', 'unsure'), ('long', 'sent')]:
            with self.subTest(answer=answer):
                web.answers = [answer]
                before = len(web.requests)
                self.assertEqual(self.send(path, 'x')[0], end)
                self.assertEqual(len(web.requests), before + 1)

    def test_no_redirect(self):
        web, other = self.own(peers.Web()), self.own(peers.Web())
        web.answers = [(307, {'Location': other.url})]
        end, why = self.send(self.hook(web), 'x')
        self.assertEqual(end, 'refused')
        self.assertIn('not followed', why)
        self.assertEqual(other.requests, [])

    def test_nobody_there(self):
        web = peers.Web()
        web.close()
        end, why = self.send(self.hook(web, tls={}), 'x')
        self.assertEqual(end, 'later')
        self.assertIn('nothing answers there', why)

    def test_certificate(self):
        web = self.own(peers.Web())
        end, why = self.send(self.hook(web, tls={}), 'x')
        self.assertEqual(end, 'refused')
        self.assertIn('certificate is not valid', why)
        self.assertEqual(web.requests, [])

    def test_config(self):
        good = 'https://example.org/x'
        self.refused('without TLS anybody', 'http:',
                     webhook='http://example.org/x')
        self.refused('must begin with https://', 'ftp:',
                     webhook='ftp://example.org/x')
        self.refused('no user before the host', 'me:pw',
                     webhook='https://me:pw@example.org/')
        self.refused('has no $(...) in it', '$(rule)',
                     webhook='https://example.org/$(rule)')
        self.refused('is https:// already', 'webhook', webhook=good,
                     insecure=True)
        self.refused('control characters', 'X-A', webhook=good,
                     headers={'X-A': 'a\r\nX-B: b'})
        self.refused('the name of a header field', 'X A', webhook=good,
                     headers={'X A': 'a'})
        self.refused('`body_template` knows no $(x)', 'body_template',
                     webhook=good, body_template='$(x)')
        self.refused('has `ca_file` only', 'insecure', webhook=good,
                     tls={'insecure': True})
        self.refused('has no meaning for this kind', '"to"', webhook=good,
                     to='me@example.org')
        self.refused('`command` and `webhook` exclude each other',
                     'webhook', command=['x'], webhook=good)
        self.refused('needs one of: command, webhook, smtp', '"x"')


class Mail(Case):
    def mail(self, post, **more):
        self.t.write('password', 'secret\n')
        channel = {'smtp': post.url, 'to': ['me@example.org', 'b@b.example'],
                   'user': 'alice',
                   'auth': {'password_file': 'password'},
                   'tls': {'ca_file': post.ca_file}}
        channel.update(more)
        return self.config(x={k: v for k, v in channel.items() if v})

    def test_all_of_it(self):
        for tls in (True, False):
            post = self.own(peers.Post(tls))
            self.assertEqual(self.send(
                self.mail(post, **{'from': 'tamis@example.org'}), 'x',
                summary='caf\xe9 ' * 30 + NASTY, body='.\n.dot\nz\xe9'),
                ('sent', ''))
            m, = post.mails
            self.assertEqual((m.sender, m.to, m.user), (
                'tamis@example.org', ['me@example.org', 'b@b.example'],
                'alice'))
            self.assertLessEqual(max(map(len, m.data.split(b'\r\n'))), 78)
            self.assertTrue(m.data.isascii())
            msg = email.message_from_bytes(
                m.data, policy=email.policy.default)
            self.assertEqual(msg.defects, [])
            self.assertEqual(msg['From'], 'tamis@example.org')
            self.assertEqual(msg['To'], 'me@example.org, b@b.example')
            self.assertEqual(msg['Subject'],
                             ('caf\xe9 ' * 30 + SAFE)[:len(msg['Subject'])])
            self.assertGreater(len(msg['Subject']), 190)
            self.assertEqual(msg['Auto-Submitted'], 'auto-generated')
            self.assertEqual(msg['X-Tamis-Notify'], 'r 1')
            self.assertLess(abs(
                msg['Date'].datetime.timestamp() - time.time()), 100)
            self.assertRegex(msg['Message-ID'], r'^<[0-9a-f]{32}@example.org')
            self.assertEqual(msg.get_content(),
                             '.\r\n.dot\r\nz\xe9\r\n')

    def test_no_login_on_this_machine(self):
        post = self.own(peers.Post(False, starttls=False))
        path = self.mail(post, user=None, auth=None,
                         tls={'insecure_plaintext': True})
        self.assertEqual(self.send(path, 'x'), ('sent', ''))
        self.assertEqual(post.mails[0].sender, 'me@example.org')
        self.assertIsNone(post.mails[0].user)
        self.assertNotIn('AUTH', post.commands)

    def test_what_it_answers(self):
        post = self.own(peers.Post())
        path = self.mail(post)
        for word, reply, end in [
                ('MAIL', '451 later', 'later'),
                ('RCPT', '550 nobody', 'refused'),
                ('RCPT', '450 later', 'later'),
                ('DATA', '554 no', 'refused'), ('DATA', 'close', 'later'),
                ('END', '452 full', 'later'), ('END', '554 spam', 'refused'),
                ('END', 'close', 'unsure')]:
            with self.subTest(word=word, reply=reply):
                post.replies = {word: reply}
                got = self.send(path, 'x')
                self.assertEqual(got[0], end, got)

    def test_never_in_plain_text(self):
        post = self.own(peers.Post(False, starttls=False))
        end, why = self.send(self.mail(post), 'x')
        self.assertEqual(end, 'refused')
        self.assertIn('STARTTLS', why)
        self.assertNotIn('AUTH', post.commands)
        self.assertNotIn('MAIL', post.commands)

    def test_login_and_certificate(self):
        post = self.own(peers.Post(password='other'))
        end, why = self.send(self.mail(post), 'x')
        self.assertEqual(end, 'refused')
        self.assertIn('refuses the login', why)
        self.assertNotIn('secret', why)
        end, why = self.send(self.mail(post, tls=None), 'x')
        self.assertEqual(end, 'refused')
        self.assertIn('certificate is not valid', why)

    def test_config(self):
        good = 'smtps://mail.example.org'
        self.refused('needs `to`', '"x"', smtp=good)
        self.refused('must be an address', 'Me <', smtp=good,
                     to='Me <me@example.org>')
        self.refused('`user` and `auth` stand together', '"x"', smtp=good,
                     to='me@example.org', user='me')
        self.refused('must begin with smtps://', 'mail.example.org',
                     smtp='mail.example.org', to='me@example.org')
        self.refused('`insecure_plaintext` is for this machine only',
                     'insecure_plaintext', smtp='smtp://mail.example.org',
                     to='me@example.org', tls={'insecure_plaintext': True})


if __name__ == '__main__':
    tap.main()

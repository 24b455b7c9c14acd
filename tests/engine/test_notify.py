#!/usr/bin/env python3
"""Rules that tell somebody: once for each message, at the right time."""
# timeout: 300

import json
import os
import shutil
import signal
import time
import unittest

import crash
import maildir
import peers
import runs
import servers
import syscalls
import tap
from mailmaker import message

RULES = '''\
version: 1
rules:
  - name: tell
    when: {subject: ping}
    then: [notify, {mark: starred}]
'''


class Case(runs.Case):
    def setUp(self):
        super().setUp()
        self.web = peers.Web()
        self.addCleanup(self.web.close)
        self.box = self.t.folder + '/Mail'
        maildir.make(self.box)
        self.n = 0
        self.channels = {'web': self.hook(self.web)}
        self.setup()

    def hook(self, web, **more):
        return dict({'webhook': web.url,
                     'tls': {'ca_file': web.ca_file}}, **more)

    def setup(self, rules=RULES, quiet=None, **account):
        top = {'notify': self.channels}
        if quiet:
            top['quiet_hours'] = quiet
        self.configure(top=top, a=dict({'maildir': self.box}, **account))
        self.t.rules(rules)

    def mail(self, *subjects, **more):
        for subject in subjects:
            self.n += 1
            maildir.deliver(self.box, [message(self.n, subject, **more)],
                            self.n)
            # the time of the file is that of arrival
            path = '%s/new/%d.M%dP1.test' % (self.box, 1780000000 + self.n,
                                             self.n)
            os.utime(path)

    def told(self):
        """[(summary, text, urgency)] since the last call."""
        notes = [r.json() for r in self.web.requests]
        self.web.requests.clear()
        return [(n['title'], n['message'], n['urgency']) for n in notes]

    def titles(self):
        return [t for t, _, _ in self.told()]

    def errands(self):
        return self.query('SELECT rule, channel, state, summary, body '
                          'FROM errand ORDER BY time, uid, channel')

    def quiet_now(self, **more):
        now = time.time()
        clock = [time.strftime('%H:%M', time.gmtime(now + s))
                 for s in (-3600, 3600)]
        return dict({'between': clock}, **more)


class Once(Case):
    def test_new_mail_and_never_again(self):
        self.mail('ping old')
        self.expect(0, 'run')
        self.assertEqual(self.told(), [])           # the baseline
        self.mail('ping', 'other', body='Hello,\r\n> quoted\r\n\r\nyou.\r\n')
        r = self.expect(0, 'run')
        self.assertIn('notify web', r.out)
        self.assertEqual(self.told(), [
            ('Alice: ping', 'Hello,\nyou.', 'normal')])
        self.expect(0, 'run')
        self.expect(0, 'run', '--all')
        self.expect(0, 'run', '--all', '--notify')  # but for the old one
        self.assertEqual(self.titles(), ['Alice: ping old'])
        # what was said is nobody's business any more
        self.assertEqual(self.errands(), [
            ('tell', 'web', 1, '', ''), ('tell', 'web', 1, '', '')])
        r = self.expect(0, 'why', '2@example.org')
        self.assertIn('notify web', r.out)
        self.assertEqual({n: flags for n, [(_, flags)] in self.places(
            self.box).items()}, {1: {'\\Flagged'}, 2: {'\\Flagged'},
                                 3: set()})

    def test_what_is_rewritten_is_no_other_message(self):
        rules = '''\
version: 1
rules:
  - name: tag
    when: {subject: ping, header: {X-Tag: {exists: false}}}
    then: [{set_header: {X-Tag: "yes"}}]
  - name: tell
    applies_to: all
    when: {subject: ping}
    then: [notify]
'''
        self.setup(rules)
        self.expect(0, 'run')
        self.mail('ping 1')
        self.assertIn('rewrite', self.expect(0, 'run').out)
        self.expect(0, 'run')
        self.expect(0, 'run', '--all')
        self.assertEqual(self.titles(), ['Alice: ping 1'])
        self.setup(rules, quiet=self.quiet_now())
        self.mail('ping 2')
        self.assertIn('rewrite', self.expect(0, 'run').out)
        self.expect(0, 'run')
        self.setup(rules)
        self.expect(0, 'run')
        self.expect(0, 'run')
        self.assertEqual(self.titles(), ['Alice: ping 2'])

    def test_a_large_message_has_no_preview(self):
        self.expect(0, 'run')
        self.mail('ping', body='x\r\n' * 200000)
        self.expect(0, 'run')
        self.assertEqual(self.told(), [('Alice: ping', '', 'normal')])

    def test_dry_run_tells_nobody(self):
        self.expect(0, 'run')
        self.mail('ping')
        r = self.expect(1, 'run', '--dry-run')
        self.assertIn('would notify web', r.out)
        r = self.expect(1, '--json', 'run', '--dry-run')
        self.assertIn({'do': 'notify', 'what': 'web', 'rules': 'tell',
                       'state': 'would'}, r.json()[0]['changes'])
        self.assertEqual(self.told(), [])

    def test_notify_needs_a_scope(self):
        r = self.expect(2, 'run', '--notify')
        self.assertIn('--notify goes with --all, --since', r.err)

    def test_what_is_told(self):
        self.channels['mute'] = {'command': ['/bin/false']}
        self.channels['web']['body_template'] = (
            '["$(icon)", "$(sound)", "$(urgency)", "$(summary)", "$(body)"]')
        self.setup('''\
version: 1
lists:
  faces: {alice@example.org: face, "@example.org": house}
rules:
  - name: full
    when: {subject: {regex: 'order (?<id>\\d+)'}}
    then:
      - notify:
          channels: web
          summary: "$(id) of $(from.address) <b>"
          body: "$(subject) / $(header.X-Any:-none)"
          urgency: critical
          sound: bell
          icon: {list: faces}
          sticky: true
''')
        self.expect(0, 'run')
        self.mail('order 17')
        self.expect(0, 'run')
        self.assertEqual([json.loads(r.body) for r in self.web.requests],
                         [['face', 'bell', 'critical',
                           '17 of alice@example.org <b>',
                           'order 17 / none']])

    def test_same_message_in_two_mailboxes(self):
        self.setup(mailboxes=['INBOX', 'Work'])
        maildir.make(self.box + '/.Work')
        self.expect(0, 'run')
        self.mail('ping')
        maildir.deliver(self.box + '/.Work', [message(1, 'ping')], 5)
        os.utime(self.box + '/.Work/new/1780000005.M5P1.test')
        self.expect(0, 'run')
        self.assertEqual(self.titles(), ['Alice: ping'])

    def test_an_hour_unread(self):
        self.setup('''\
version: 1
rules:
  - name: waits
    applies_to: all
    when: {is: unread, age: {over: 1h}}
    then: [notify]
''')
        self.mail('ping 1')
        path = '%s/new/%d.M1P1.test' % (self.box, 1780000001)
        os.utime(path, (time.time() - 20000,) * 2)
        self.expect(0, 'run')               # older than the account
        self.mail('ping 2', 'ping 3')
        self.expect(0, 'run')
        self.assertEqual(self.told(), [])   # not yet an hour
        self.alter('UPDATE owner SET since = since - 8000')
        self.alter('UPDATE mailbox SET baseline_time = baseline_time - 8000')
        for n in (2, 3):
            path = self.find(n)
            os.utime(path, (time.time() - 7000,) * 2)
        os.rename(self.find(3), self.box + '/cur/1780000003.M3P1.test:2,S')
        self.expect(0, 'run')
        self.assertEqual(self.titles(), ['Alice: ping 2'])
        self.expect(0, 'run')
        self.assertEqual(self.told(), [])

    def find(self, n):
        for part in ('new', 'cur'):
            for name in os.listdir('%s/%s' % (self.box, part)):
                if name.startswith('%d.' % (1780000000 + n)):
                    return '%s/%s/%s' % (self.box, part, name)


class Trouble(Case):
    def setUp(self):
        super().setUp()
        self.expect(0, 'run')

    def test_a_channel_that_fails_is_said(self):
        self.web.answers = [404]
        self.mail('ping')
        r = self.expect(0, 'run')
        self.assertIn('channel web: the server answered with status 404',
                      r.err)
        self.assertIn('channel web', r.out)
        self.web.answers = [200]
        self.expect(0, 'run', '--all')
        self.assertEqual(len(self.web.requests), 1)
        self.assertEqual(self.errands()[0][2], 2)
        self.assertEqual([f for [(_, f)] in self.places(self.box).values()],
                         [{'\\Flagged'}])

    def test_unsure_is_not_repeated(self):
        self.web.answers = ['close']
        self.mail('ping')
        self.expect(0, 'run')
        self.web.answers = [200]
        self.expect(0, 'run', '--all')
        self.assertEqual(len(self.web.requests), 1)
        self.assertEqual(self.errands()[0][2], 3)

    def test_offline_is_made_up_for(self):
        web = peers.Web()
        web.close()
        self.channels['web'] = self.hook(web, timeout='2s')
        self.setup()
        self.mail('ping 1', 'ping 2', 'ping 3')
        r = self.expect(0, 'run')
        self.assertEqual(r.err.count('it is tried again'), 1, r)
        self.assertEqual([s for _, _, s, _, _ in self.errands()], [4, 4, 4])
        os.rename(self.find(2), self.box + '/cur/1780000002.M2P1.test:2,S')
        os.unlink(self.find(3))
        self.channels['web'] = self.hook(self.web)
        self.setup()
        self.expect(0, 'run')
        self.assertEqual(self.titles(), ['Alice: ping 1'])
        self.expect(0, 'run')
        self.assertEqual(self.told(), [])
        self.assertEqual([s for _, _, s, _, _ in self.errands()], [1, 2, 2])

    find = Once.find

    def test_one_channel_of_two(self):
        self.channels['dead'] = {'command': ['/bin/sh', '-c', 'exit 75']}
        self.setup()
        self.mail('ping')
        self.expect(0, 'run')
        self.assertEqual(self.titles(), ['Alice: ping'])
        self.channels['dead'] = {'command': [
            '/bin/sh', '-c', 'cat >%s/out' % self.t.folder]}
        self.setup()
        self.expect(0, 'run')
        self.assertEqual(self.told(), [])
        with open(self.t.folder + '/out') as f:
            self.assertEqual(f.read(), 'Alice: ping\n\nHello.\n')

    def test_no_letter_about_a_letter(self):
        post = peers.Post()
        self.addCleanup(post.close)
        self.channels['mail'] = {'smtp': post.url, 'to': 'me@example.org',
                                 'tls': {'ca_file': post.ca_file}}
        self.setup()
        self.mail('ping')
        self.expect(0, 'run')
        m, = post.mails
        path = self.box + '/new/1780000050.M50P1.test'
        with open(path, 'wb') as f:
            f.write(m.data)
        r = self.expect(0, 'run')
        self.assertEqual(len(post.mails), 1)
        self.assertEqual(len(self.web.requests), 2)
        self.assertIn('it is itself a notification', r.out)


class Later(Case):
    def setUp(self):
        super().setUp()
        self.expect(0, 'run')

    find = Once.find

    def test_quiet_hours(self):
        self.setup(quiet=self.quiet_now())
        self.mail('ping 1', 'ping 2', 'ping 3')
        r = self.expect(0, 'run')
        self.assertIn('these are quiet hours', r.out)
        self.expect(0, 'run')
        self.assertEqual(self.told(), [])
        os.rename(self.find(2), self.box + '/cur/1780000002.M2P1.test:2,FS')
        self.setup()
        self.expect(0, 'run')
        self.assertEqual(self.titles(), ['Alice: ping 1', 'Alice: ping 3'])
        self.expect(0, 'run')
        self.assertEqual(self.told(), [])

    def test_what_is_urgent_is_told(self):
        self.setup(RULES.replace('[notify,', '[{notify: {urgency: '
                                 'critical}},'),
                   quiet=self.quiet_now(**{'except': ['critical']}))
        self.mail('ping')
        self.expect(0, 'run')
        self.assertEqual(self.titles(), ['Alice: ping'])

    def test_what_a_rule_moves_or_reads_is_told(self):
        self.setup(RULES.replace('{mark: starred}', '{mark: read}, archive'),
                   quiet=self.quiet_now())
        self.mail('ping')
        self.expect(0, 'run')
        self.assertEqual(self.boxes_of(self.box), {1: ['Archive']})
        self.setup()
        self.expect(0, 'run')
        self.assertEqual(self.titles(), ['Alice: ping'])

    def test_batch(self):
        self.setup(RULES.replace('[notify,', '[{notify: {batch: true}},'))
        self.mail(*['ping %d' % n for n in range(1, 31)])
        self.expect(0, 'run')
        (title, text, _), = self.told()
        self.assertEqual(title, '30 messages: tell')
        lines = text.split('\n')
        self.assertEqual((len(lines), lines[-1]), (21, 'and 10 more'))
        self.assertEqual(lines[0], 'Alice: ping 1')
        self.mail('ping 31')
        self.expect(0, 'run')
        self.assertEqual(self.told(), [('Alice: ping 31', 'Hello.',
                                        'normal')])
        self.expect(0, 'run', '--all')
        self.assertEqual(self.told(), [])

    def test_given_up_after_a_week(self):
        self.setup(quiet=self.quiet_now())
        self.mail('ping')
        self.expect(0, 'run')
        self.alter('UPDATE errand SET time = time - 8 * 86400')
        self.setup()
        self.expect(0, 'run')
        self.assertEqual(self.told(), [])
        self.assertEqual(self.errands(), [('tell', 'web', 2, '', '')])


class Killed(Case):
    """Killed before, while and after somebody is told."""

    def setUp(self):
        super().setUp()
        self.expect(0, 'run')
        self.mail('ping')

    def killed_while(self, answer):
        self.web.answers = [answer, 200]
        p = self.t.start('run')
        self.assertTrue(self.web.wait(lambda: self.web.requests))
        os.killpg(p.pid, signal.SIGKILL)
        p.communicate()

    def test_while_it_is_told(self):
        self.killed_while('hang')
        r = self.expect(0, 'run')
        self.assertIn('perhaps it did, and it is not repeated', r.err)
        self.expect(0, 'run', '--all')
        self.assertEqual(len(self.web.requests), 1)
        self.assertEqual([s for _, _, s, _, _ in self.errands()], [3])
        # the rest of the rule is done all the same
        self.assertEqual([f for [(_, f)] in self.places(self.box).values()],
                         [{'\\Flagged'}])
        r = self.expect(0, 'why', '1@example.org')
        self.assertIn('not repeated', r.out)

    def test_recover_says_so_too(self):
        self.killed_while('hang')
        self.expect(0, 'recover')
        self.assertEqual([s for _, _, s, _, _ in self.errands()], [3])
        self.expect(0, 'run', '--all')
        self.assertEqual(len(self.web.requests), 1)


class KilledAtWrites(Case):
    """Killed at each call that writes: told at most once, and where it was
    not told, somebody hears of that."""
    CALLS = ('fdatasync', 'fsync', 'unlink', 'rename', 'pwrite64')

    def setUp(self):
        super().setUp()
        syscalls.needed()
        self.out = self.t.folder + '/out'
        tell = self.t.write('tell', '#!/bin/sh\nexec cat >> %s\n' % self.out,
                            0o700)
        self.channels = {'tell': {'command': [tell]}}
        self.setup()
        self.expect(0, 'run')
        self.mail('ping')
        self.fresh = self.t.folder + '.fresh'
        shutil.copytree(self.t.folder, self.fresh)
        self.addCleanup(shutil.rmtree, self.fresh)

    def again(self):
        shutil.rmtree(self.t.folder)
        shutil.copytree(self.fresh, self.t.folder)

    def lines(self):
        try:
            with open(self.out) as f:
                return f.read().count('Alice: ping\n')
        except FileNotFoundError:
            return 0

    def test_every_point(self):
        points = told = untold = 0
        for call in self.CALLS:
            step = 3 if call == 'pwrite64' and not crash.SWEEP else 1
            for nth in range(1, 1000, step):
                self.again()
                r = self.t.run('run', wrap=syscalls.kill_at(call, nth))
                if r.status != syscalls.KILLED:
                    break
                points += 1
                before = self.lines()
                r = self.expect(0, 'run')
                self.expect(0, 'run', '--all')
                with self.subTest(call=call, nth=nth):
                    self.assertLessEqual(before, self.lines())
                    if self.lines() == 0:
                        self.assertIn('perhaps it did', r.err)
                        untold += 1
                    else:
                        self.assertEqual(self.lines(), 1)
                        told += 1
                    self.assertEqual(
                        [f for [(_, f)] in self.places(self.box).values()],
                        [{'\\Flagged'}])
        # the points were reached, on both sides of the telling
        self.assertGreater(points, 30)
        self.assertGreater(told, 20)
        self.assertGreater(untold, 0)


class Imap(Case):
    def test_peek_and_read_meanwhile(self):
        s = self.start(servers.Dovecot())
        top = {'notify': self.channels}
        self.configure(top=top, a=self.t.account(s))
        self.expect(0, 'run')
        s.append('alice', 'INBOX', [message(1, 'ping'), message(2, 'no')])
        self.expect(0, 'run')
        self.assertEqual(self.told(), [('Alice: ping', 'Hello.', 'normal')])
        self.assertEqual(self.places(s), {1: [('INBOX', {'\\Flagged'})],
                                          2: [('INBOX', set())]})
        self.configure(top=dict(top, quiet_hours=self.quiet_now()),
                       a=self.t.account(s))
        s.append('alice', 'INBOX', [message(3, 'ping'), message(4, 'ping')])
        self.expect(0, 'run')
        with s.client() as c:
            c.select('INBOX')
            c.uid('STORE', '3', '+FLAGS', '(\\Seen)')
        self.configure(top=top, a=self.t.account(s))
        self.expect(0, 'run')
        self.assertEqual(self.titles(), ['Alice: ping'])
        self.assertEqual([st for _, _, st, _, _ in self.errands()],
                         [1, 2, 1])


class Check(Case):
    def test_channels_are_those_of_the_config(self):
        self.setup(RULES.replace('[notify,', '[{notify: wed},'))
        r = self.expect(1, 'check')
        self.assertIn('the config has no channel `wed`', r.out)
        self.assertIn('did you mean `web`?', r.out)
        self.channels = {}
        self.setup()
        r = self.expect(1, 'check')
        self.assertIn('the config has no channel to notify through', r.out)


if __name__ == '__main__':
    tap.main()

#!/usr/bin/env python3
"""on_error: what a rule does when what it wanted could not be done."""

import unittest

import faultproxy
import runs
import servers
import tamis
import tap
from faultproxy import Fault
from mailmaker import message

LONG = 'Gone/' + 'x' * 300		# a name that Dovecot refuses
RULES = '''
rules:
  - name: go
    when: {subject: go}
    then: [{label: tried}, {move: %s}]
    on_error: [{label: failed}, {mark: starred}]
  - name: other
    when: {subject: go}
    then: [{mark: answered}]
  - name: sees
    when: {label: failed}
    then: [{label: seen}]
  - name: template
    when: {subject: odd}
    then: [{label: "list/$(list_id)"}]
    on_error: [{move: Kept}]
''' % LONG
TRIES = 5


class OnError(runs.Case):
    @classmethod
    def setUpClass(cls):
        cls.server = servers.Dovecot()
        cls.server.start()
        cls.addClassCleanup(cls.server.close)
        cls.server.create('alice', 'Gone', 'Kept')
        cls.server.save()

    def setUp(self):
        super().setUp()
        self.server.restore()
        self.t.rules(RULES)
        self.proxy = self.start(faultproxy.Proxy(self.server))
        self.configure(a=self.t.account(self.proxy))
        self.expect(0, 'run')

    def fill(self, *subjects, first=1):
        self.server.append('alice', 'INBOX', [
            message(n, subject=s) for n, s in enumerate(subjects, first)])

    def run_counts(self, status=0, *args, **counts):
        r = self.expect(status, '--json', 'run', *args)
        run, = [o for o in r.json() if o['type'] == 'run']
        self.assertEqual({k: run[k] for k in counts}, counts, r)
        return r

    def flags(self, n):
        (box, flags), = self.places(self.server)[n]
        return box, sorted(f.lower() for f in flags)

    def settled(self):
        self.assertEqual(self.query('SELECT * FROM pending'), [])
        before = self.server.dump_all('alice')
        self.run_counts(0, judged=0)
        self.assertEqual(self.server.dump_all('alice'), before)

    DONE = 'INBOX', ['\\answered', '\\flagged', 'failed', 'seen', 'tried']

    def test_a_refused_name(self):
        self.fill('go', 'plain')
        r = self.run_counts(0, changed=1, failed=0, pending=0)
        self.assertEqual(self.flags(1), self.DONE)
        self.assertEqual(self.flags(2), ('INBOX', []))
        first, second = [o for o in r.json() if o['type'] == 'message']
        failed, = [c for c in first['changes'] if c['state'] == 'failed']
        self.assertEqual(failed['what'], LONG)
        note, = second['failed']
        self.assertEqual(note['rule'], 'go')
        self.assertIn(failed['reason'], note['reason'])
        self.assertIn('on_error', note['reason'])
        self.assertEqual({(c['what'], c['rules'])
                          for c in second['changes']},
                         {('failed', 'go'), ('\\Flagged', 'go'),
                          ('seen', 'sees')})
        why = self.expect(0, 'why', '1@example.org').out
        self.assertIn('failed', why)
        self.assertIn('Flagged', why)
        instead = [line for line in why.splitlines()
                   if 'its on_error takes the place' in line]
        self.assertEqual(len(instead), 2, why)
        self.assertTrue(all('(go' in line for line in instead), why)
        self.assertIn('label failed, seen  (go, sees)', why)
        self.settled()

    def test_a_template(self):
        self.fill('odd', 'plain')
        r = self.t.run('run', '-n')
        self.assertIn('its on_error takes the place', r.out)
        self.assertIn('Kept', r.out)
        self.run_counts(0, changed=1, failed=0)
        self.assertEqual(self.flags(1), ('Kept', []))
        self.settled()

    def test_other_rules_do_not_take_it_away(self):
        """It stays, but for the rule whose on_error moves it."""
        rules = '''
rules:
  - {name: first, then: [{move: Gone}]}
  - name: copy
    when: {subject: go}
    then: [{copy: %s}]
    on_error: [%s]
'''
        self.t.rules(rules % (LONG, '{label: failed}'))
        self.fill('go', 'plain')
        self.run_counts(0, changed=2, failed=0)
        self.assertEqual(self.flags(1), ('INBOX', ['failed']))
        self.assertEqual(self.flags(2), ('Gone', []))
        self.settled()
        self.t.rules(rules % (LONG, '{move: Kept}'))
        self.fill('go', first=3)
        self.run_counts(0, changed=1, failed=0)
        self.assertEqual(self.flags(3), ('Kept', []))
        self.settled()

    def test_it_fails_itself(self):
        self.t.rules(RULES.replace('[{label: failed}, {mark: starred}]',
                                   '[{copy: %s/y}]' % LONG))
        self.fill('go')
        self.run_counts(3, failed=1, pending=0)
        self.assertEqual(self.flags(1),
                         ('INBOX', ['\\answered', 'tried']))
        self.settled()

    def test_another_rule_says_nothing(self):
        """Its failure is reported all the same."""
        self.t.rules(RULES + '''
  - name: mute
    when: {subject: go}
    then: [{copy: %s/z}]
''' % LONG)
        self.fill('go')
        r = self.run_counts(3, pending=0)
        self.assertEqual(self.flags(1), self.DONE)
        self.assertIn(LONG + '/z', r.out)
        self.settled()

    def test_not_for_what_may_pass(self):
        """A refusal for now: judged again, and on_error after the last."""
        self.t.rules(RULES.replace(LONG, 'Gone'))
        self.fill('go')
        for n in range(1, TRIES + 1):
            self.proxy.arm(Fault('no', command='UID MOVE', times=99))
            self.run_counts(0, failed=0, pending=int(n < TRIES))
            if n < TRIES:
                self.assertEqual(self.flags(1),
                                 ('INBOX', ['\\answered', 'tried']))
        self.proxy.arm()
        self.assertEqual(self.flags(1), self.DONE)
        self.settled()

    def test_not_for_a_lost_connection(self):
        self.t.rules(RULES.replace(LONG, 'Gone'))
        self.fill('go')
        self.proxy.arm(Fault('close', command='UID MOVE'))
        self.expect(tamis.LATER, 'run')
        self.proxy.arm()
        self.run_counts(0, failed=0, pending=0)
        self.assertEqual(self.flags(1),
                         ('Gone', ['\\answered', 'tried']))
        self.settled()

    def test_lost_before_on_error(self):
        """The failure is settled, its on_error is not: the next run does
        it."""
        self.fill('go')
        seen = []

        def act():
            seen.append(self.query('SELECT uid FROM pending'))
            return faultproxy.CLOSE if len(seen) > 2 else faultproxy.PASS
        self.proxy.arm(Fault(act, command='UID STORE', times=99))
        self.expect(tamis.LATER, 'run')
        # of the first plan nothing pended, of the second it did
        self.assertEqual(seen[-1], [(1,)])
        self.proxy.arm()
        self.run_counts(0, failed=0, pending=0)
        self.assertEqual(self.flags(1), self.DONE)
        self.settled()

    def test_a_sweep(self):
        """Each sweep tries again, and does only what is not so yet."""
        self.t.rules(RULES.replace('when: {subject: go}',
                                   'applies_to: all\n    when: '
                                   '{subject: go}', 1))
        self.fill('go')
        self.run_counts(0, failed=0)
        self.assertEqual(self.flags(1), self.DONE)
        before = self.server.dump_all('alice')
        self.run_counts(0, failed=0)
        self.assertEqual(self.server.dump_all('alice'), before)


if __name__ == '__main__':
    tap.main()

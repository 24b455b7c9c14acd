"""CAPABILITY, STARTTLS and logging in."""

import base64
import binascii
import json
import time

from .grammar import Bad, No

SCOPE = 'https://mail.google.com/'
HELP = 'https://support.google.com/'

# What Google says to a login that it does not want.
REFUSALS = {
    'webalert': ('Please log in via your web browser: %smail/accounts/answer/'
                 '78754' % HELP, 'ALERT'),
    'alert': ('Please log in via your web browser: %smail/accounts/answer/'
              '78754' % HELP, 'ALERT'),
    'app_password': ('Application-specific password required: %saccounts/'
                     'answer/185833' % HELP, 'ALERT'),
    'disabled': ('Your account is not enabled for IMAP use. Please visit '
                 'your Gmail settings page and enable your account for IMAP '
                 'access.', 'ALERT'),
    'overquota': ('Account exceeded command or bandwidth limits.',
                  'OVERQUOTA'),
    'too_many': ('Too many simultaneous connections.', 'ALERT'),
}


class Login:
    def capabilities(self):
        if self.store:
            return ['APPENDLIMIT=%d' % self.switches.append_limit
                    if w.startswith('APPENDLIMIT=') else w
                    for w in self.profile.capabilities]
        found = list(self.profile.before_login)
        if not self.secure:
            found = [w for w in found if not w.startswith('AUTH=')]
            found += ['STARTTLS', 'LOGINDISABLED']
        return found

    def do_capability(self, c, args):
        args.end()
        self.say('CAPABILITY', ' '.join(self.capabilities()))
        said = self.profile.text('capability', None)
        return said and '%s %s' % (said, self.server.token)

    def do_id(self, c, args):
        if not args.word('NIL'):
            given = args.items(lambda: None if args.word('NIL')
                               else args.string())
            self.server.ids.append(given)
        args.end()
        self.say('ID', self.profile.identity)
        return None

    def do_starttls(self, c, args):
        args.end()
        if self.secure:
            raise Bad('TLS is on already')
        return 'Begin TLS negotiation now'

    def do_login(self, c, args):
        user = args.text_string()
        args.space()
        password = args.text_string()
        args.end()
        if not self.secure:
            raise No('Plaintext authentication disallowed',
                     'PRIVACYREQUIRED')
        return self.logged_in(user, password)

    def do_authenticate(self, c, args):
        mechanism = args.atom().upper()
        initial = None
        if args.more():
            args.space()
            initial = args.text[args.at:]
        if not self.secure:
            raise No('Plaintext authentication disallowed',
                     'PRIVACYREQUIRED')
        if 'AUTH=' + mechanism not in self.profile.before_login:
            raise No('Unsupported authentication mechanism.')
        how = {'PLAIN': self.plain, 'LOGIN': self.login,
               'XOAUTH2': self.xoauth2, 'OAUTHBEARER': self.oauthbearer}
        if mechanism not in how:
            raise No('Unsupported authentication mechanism.')
        return how[mechanism](initial)

    def response(self, initial=None, challenge=b''):
        data = self.go_ahead(challenge) if initial is None else initial
        if data == b'*':
            raise Bad('Authentication cancelled')
        if data == b'=':
            return ''
        try:
            return base64.b64decode(data, validate=True).decode()
        except (binascii.Error, UnicodeDecodeError):
            raise Bad('Invalid SASL argument') from None

    def plain(self, initial):
        parts = self.response(initial).split('\0')
        if len(parts) != 3:
            raise Bad('Invalid SASL argument')
        return self.logged_in(parts[1], parts[2])

    def login(self, initial):
        user = self.response(initial, base64.b64encode(b'User Name\0'))
        password = self.response(None, base64.b64encode(b'Password\0'))
        return self.logged_in(user, password)

    def xoauth2(self, initial):
        fields = dict(f.partition('=')[::2] for f in self.response(
            initial).split('\1') if f)
        return self.token(fields.get('user', ''), fields.get('auth', ''),
                          'bearer mac', b'')

    def oauthbearer(self, initial):
        header, _, rest = self.response(initial).partition('\1')
        parts = header.split(',')
        fields = dict(f.partition('=')[::2] for f in rest.split('\1') if f)
        user = parts[1][2:] if len(parts) > 1 else ''
        return self.token(user, fields.get('auth', ''), 'Bearer', b'\1')

    def token(self, user, auth, schemes, end):
        """The token is "good-USER", unless the server has an `owner` to
        ask; a bad one gets a challenge that tells
        why, and the client has to answer it."""
        scheme, _, token = auth.partition(' ')
        if scheme.lower() == 'bearer' and user in self.server.stores and \
                self.server.owner(token) == user:
            if self.switches.token_life:
                self.expires = time.monotonic() + self.switches.token_life
            return self.logged_in(user, self.server.password)
        status = '401' if scheme.lower() == 'bearer' else '400'
        said = json.dumps({'status': status, 'schemes': schemes,
                           'scope': SCOPE}, separators=(',', ':'))
        reply = self.go_ahead(base64.b64encode(said.encode()))
        if reply not in (b'', base64.b64encode(end)):
            raise Bad('Invalid SASL argument')
        raise No('Invalid credentials', 'AUTHENTICATIONFAILED')

    def logged_in(self, user, password):
        how = self.switches.login
        if how != 'ok':
            if how == 'webalert':
                self.say('NO [WEBALERT https://accounts.google.com/signin/'
                         'continue?sarp=1] Web login required.')
            raise No(*REFUSALS[how])
        if user not in self.server.stores or \
                password != self.server.password:
            raise No('Invalid credentials', 'AUTHENTICATIONFAILED')
        if not self.server.admits(user):
            raise No(*REFUSALS['too_many'])
        self.user, self.store = user, self.server.stores[user]
        if self.profile.tells_capabilities == 'untagged':
            self.say('CAPABILITY', ' '.join(self.capabilities()))
            return '%s authenticated' % user
        if self.profile.tells_capabilities == 'code':
            return '[CAPABILITY %s] Logged in' % ' '.join(
                self.capabilities())
        return 'Logged in'

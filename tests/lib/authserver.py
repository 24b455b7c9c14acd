"""An authorisation server of OAuth 2.0, and the browser of who gives consent.

    with authserver.Server() as s:
        config = s.client_config(t)		# of `auth`, in the config
        page = s.browse(address, 'alice')	# she says yes
        s.revoke('alice')
        s.owner(token)				# 'alice', or None

What it does: RFC 6749 (code grant, refresh; errors of 4.1.2.1 and 5.2), 7636
(S256, required), 8252 (loopback redirect, any port), 8628 (device grant),
9700 (a refresh token is used once; used again, all that came of the consent
is revoked).  It is as strict as these allow, so that a client which is taken
here has said everything.  Over TLS with the authority of servers.py, or over
plain HTTP on 127.0.0.1.

A test may put `answers` in front: each is (status, headers, body) or a number
of seconds to say nothing, for one question to the token or device endpoint.
Every form that came is in `forms`, with the path as 'path'.
"""

import base64
import hashlib
import http.client
import http.server
import json
import os
import ssl
import sys
import threading
import time
import urllib.parse

import servers

CLIENT, SECRET = 'tamis-client-1', 'client-s3cr3t/+&='
SCOPE = 'https://mail.example/ offline'
DEVICE_GRANT = 'urn:ietf:params:oauth:grant-type:device_code'
DESCRIPTION = 'said the provider'


def fresh(kind):
    """A token; all of them hold a word that stands nowhere else."""
    return '%s-hush-%s' % (kind, os.urandom(12).hex())


class Refused(Exception):
    def __init__(self, error, status=400):
        super().__init__(error)
        self.error, self.status = error, status


class Consent:
    """What a person has said yes to, and the tokens that came of it."""

    def __init__(self, user, scope):
        self.user, self.scope = user, scope
        self.access, self.refresh = {}, None
        self.used, self.revoked = set(), False


class Server:
    def __init__(self, tls=False, secret=SECRET, rotate=True, life=3600,
                 redirect='http://127.0.0.1', device=True,
                 names='DNS:localhost,IP:127.0.0.1'):
        self.names = names		# of the certificate
        self.tls, self.secret, self.rotate = tls, secret, rotate
        self.life, self.redirect, self.device = life, redirect, device
        self.says_life = True
        self.gives_refresh = True
        self.grants = None		# another scope than was asked for
        self.interval = 1
        self.device_life = 60
        self.consents, self.codes, self.devices = [], {}, {}
        self.forms, self.answers, self.errors = [], [], []
        self.lock = threading.Lock()

    # ---------------------------------------------------------- running

    def __enter__(self):
        server = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = 'HTTP/1.1'

            def do_GET(self):
                server.serve(self)

            do_POST = do_GET

            def log_message(self, *args):
                pass

        class Http(http.server.ThreadingHTTPServer):
            def handle_error(self, request, address):
                e = sys.exc_info()[1]
                if not isinstance(e, OSError):	# it hung up
                    server.errors.append(e)

        self.http = Http((servers.HOST, 0), Handler)
        self.http.daemon_threads = True
        self.port = self.http.server_address[1]
        if self.tls:
            folder = servers.authority().folder + '/auth-%d' % self.port
            os.makedirs(folder, exist_ok=True)
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*servers.authority().certificate(
                folder, self.names))
            self.http.socket = context.wrap_socket(
                self.http.socket, server_side=True,
                do_handshake_on_connect=False)
        threading.Thread(target=self.http.serve_forever,
                         kwargs={'poll_interval': 0.02},
                         daemon=True).start()
        return self

    def __exit__(self, *exc):
        self.http.shutdown()
        self.http.server_close()
        if self.errors:
            raise AssertionError('the server itself failed: %r' %
                                 self.errors[:3])

    def address(self, path=''):
        return '%s://%s:%d%s' % ('https' if self.tls else 'http',
                                 servers.HOST, self.port, path)

    def client_config(self, t, **more):
        """`auth` of an account of T that uses it."""
        auth = {
            'oauth2': 'other', 'client_id': CLIENT, 'scope': SCOPE,
            'authorization_endpoint': self.address('/authorize?v=2'),
            'token_endpoint': self.address('/token'),
        }
        if self.device:
            auth['device_authorization_endpoint'] = self.address('/device')
        if self.tls:
            auth['ca_file'] = servers.authority().ca_file
        if self.secret:
            t.write('client-secret', self.secret + '\n')
            auth['client_secret_file'] = 'client-secret'
        auth.update(more)
        return {k: v for k, v in auth.items() if v is not None}

    # ---------------------------------------------------------- answers

    def serve(self, h):
        try:
            path, _, query = h.path.partition('?')
            length = int(h.headers.get('Content-Length') or 0)
            body = h.rfile.read(length).decode()
            form = self.read_form(body if h.command == 'POST' else query)
            answer = self.answer(h, path, form)
        except Exception as e:		# told when the test ends
            self.errors.append(e)
            h.close_connection = True
            return
        if answer is None:
            h.close_connection = True
            return
        status, headers, body = answer
        if isinstance(body, dict):
            body = json.dumps(body)
            headers = dict({'Content-Type': 'application/json'}, **headers)
        data = body if isinstance(body, bytes) else body.encode()
        try:
            h.send_response(status)
            for name, value in headers.items():
                h.send_header(name, value)
            h.send_header('Content-Length', str(len(data)))
            h.end_headers()
            h.wfile.write(data)
        except OSError:			# who asked does not wait any more
            h.close_connection = True

    @staticmethod
    def read_form(text):
        fields = urllib.parse.parse_qsl(text, keep_blank_values=True,
                                        strict_parsing=bool(text))
        form = dict(fields)
        assert len(form) == len(fields), 'a field that comes twice: ' + text
        return form

    def answer(self, h, path, form):
        with self.lock:
            if path == '/authorize':
                assert form.pop('v') == '2', form
                return self.authorize(form)
            self.forms.append(dict(form, path=path))
            special = self.answers.pop(0) if self.answers else None
        if isinstance(special, (int, float)):
            time.sleep(special)
            return None
        if special:
            return special
        assert h.command == 'POST', h.command
        assert h.headers['Content-Type'] == \
            'application/x-www-form-urlencoded', h.headers
        assert 'Cookie' not in h.headers and 'Authorization' not in h.headers
        try:
            with self.lock:
                return 200, {'Cache-Control': 'no-store'}, {
                    '/token': self.token, '/device': self.new_device,
                }[path](form)
        except Refused as e:
            return e.status, {}, {'error': e.error,
                                  'error_description': DESCRIPTION}

    def check_client(self, form):
        if form.pop('client_id', None) != CLIENT:
            raise Refused('invalid_client', 401)
        if self.secret and form.pop('client_secret', None) != self.secret:
            raise Refused('invalid_client', 401)
        if 'client_secret' in form:
            raise Refused('invalid_request')

    # ---------------------------------------------------- authorization

    def authorize(self, form):
        """The page that a browser sees: yes and no are links in it."""
        assert form['response_type'] == 'code', form
        assert form['code_challenge_method'] == 'S256', form
        assert len(form['code_challenge']) == 43, form
        assert len(form['state']) >= 22, form	# 128 bits
        redirect = urllib.parse.urlsplit(form['redirect_uri'])
        there = '%s://%s%s' % (redirect.scheme, redirect.hostname,
                               redirect.path)
        if form['client_id'] != CLIENT or there != self.redirect:
            return 400, {}, 'unknown client or redirect'
        code = fresh('code')
        self.codes[code] = dict(form, until=time.monotonic() + 60)

        def link(**more):
            return form['redirect_uri'] + '?' + urllib.parse.urlencode(
                dict(more, state=form['state']))
        return 200, {}, {
            'hint': form.get('login_hint'), 'code': code,
            'yes': link(code=code, iss=self.address()),
            'no': link(error='access_denied',
                       error_description=DESCRIPTION)}

    def token(self, form):
        grant = form.pop('grant_type', None)
        secretless = dict(form)
        self.check_client(secretless)
        if grant == 'authorization_code':
            return self.by_code(secretless)
        if grant == 'refresh_token':
            return self.by_refresh(secretless)
        if grant == DEVICE_GRANT:
            return self.by_device(secretless)
        raise Refused('unsupported_grant_type')

    def by_code(self, form):
        asked = self.codes.pop(form.get('code'), None)
        if not asked or 'user' not in asked or \
                asked['until'] < time.monotonic():
            raise Refused('invalid_grant')
        if form['redirect_uri'] != asked['redirect_uri']:
            raise Refused('invalid_grant')
        verifier = form.get('code_verifier', '')
        hashed = hashlib.sha256(verifier.encode()).digest()
        challenge = base64.urlsafe_b64encode(hashed).rstrip(b'=').decode()
        if challenge != asked['code_challenge'] or \
                not 43 <= len(verifier) <= 128:
            raise Refused('invalid_grant')
        return self.consent(asked['user'], asked.get('scope', ''))

    def consent(self, user, scope):
        c = Consent(user, scope)
        self.consents.append(c)
        return self.give(c)

    def give(self, c):
        access = fresh('access')
        c.access[access] = time.monotonic() + self.life
        answer = {'access_token': access, 'token_type': 'Bearer',
                  'scope': self.grants or c.scope}
        if self.says_life:
            answer['expires_in'] = self.life
        if self.gives_refresh and (self.rotate or not c.refresh):
            c.used.add(c.refresh)
            c.refresh = answer['refresh_token'] = fresh('refresh')
        return answer

    def by_refresh(self, form):
        given = form.get('refresh_token')
        for c in self.consents:
            if given in c.used:
                c.revoked = True	# stolen, by one of the two
            if given == c.refresh and not c.revoked:
                return self.give(c)
        raise Refused('invalid_grant')

    # ----------------------------------------------------------- device

    def new_device(self, form):
        if form.pop('client_id') != CLIENT:
            raise Refused('invalid_client', 401)
        device, user_code = fresh('device'), os.urandom(3).hex().upper()
        self.devices[device] = {
            'code': user_code, 'scope': form['scope'], 'user': None,
            'denied': False, 'interval': self.interval, 'slow': 0,
            'last': time.monotonic(), 'polls': [],
            'until': time.monotonic() + self.device_life}
        return {'device_code': device, 'user_code': user_code,
                'verification_uri': self.address('/enter'),
                'verification_uri_complete': self.address(
                    '/enter?code=' + user_code),
                'expires_in': self.device_life, 'interval': self.interval}

    def by_device(self, form):
        d = self.devices.get(form.get('device_code'))
        if not d:
            raise Refused('invalid_grant')
        now = time.monotonic()
        since, d['last'] = now - d['last'], now
        d['polls'].append(since)
        if now > d['until']:
            raise Refused('expired_token')
        if d['slow']:
            d['slow'] -= 1
            d['interval'] += 5
            raise Refused('slow_down')
        if since < d['interval'] - 0.1:
            self.errors.append('polled after %.1f s' % since)
        if d['denied']:
            raise Refused('access_denied')
        if not d['user']:
            raise Refused('authorization_pending')
        return self.consent(d['user'], d['scope'])

    def enter(self, code, user='alice', slow=0):
        """Somebody enters the code; user None: and says no."""
        with self.lock:
            for d in self.devices.values():
                if d['code'] == code:
                    d['user'], d['denied'] = user, user is None
                    d['slow'] = slow
                    return d
        raise AssertionError('no such code: ' + code)

    # ------------------------------------------------- what a test does

    def look(self, address):
        """What the page says that the browser is shown."""
        c = self.connect(address)
        c.request('GET', address[address.index('/', 8):])
        r = c.getresponse()
        body = r.read().decode()
        c.close()
        if r.status != 200:
            raise AssertionError('%d %s' % (r.status, body))
        return json.loads(body)

    def connect(self, address):
        parts = urllib.parse.urlsplit(address)
        if parts.scheme == 'https':
            return http.client.HTTPSConnection(
                parts.netloc, context=servers.tls_context(), timeout=20)
        return http.client.HTTPConnection(parts.netloc, timeout=20)

    def agree(self, address, user='alice'):
        """Says yes; the address that the browser is sent to."""
        page = self.look(address)
        with self.lock:
            self.codes[page['code']]['user'] = user
        return page['yes']

    def browse(self, address, user='alice'):
        """Says yes and goes there: (status, page)."""
        return go(self.agree(address, user))

    def revoke(self, user):
        with self.lock:
            for c in self.consents:
                c.revoked |= c.user == user

    def expire(self):
        """All access tokens end now; nobody is told."""
        with self.lock:
            for c in self.consents:
                c.access = dict.fromkeys(c.access, 0)

    def owner(self, token):
        """Of an access token that is good now."""
        with self.lock:
            for c in self.consents:
                if not c.revoked and c.access.get(token, 0) > \
                        time.monotonic():
                    return c.user
        return None


def go(address):
    """A browser: (status, page)."""
    parts = urllib.parse.urlsplit(address)
    c = http.client.HTTPConnection('127.0.0.1', parts.port, timeout=20)
    c.request('GET', '%s?%s' % (parts.path or '/', parts.query),
              headers={'User-Agent': 'x' * 200})
    r = c.getresponse()
    page = r.read().decode()
    c.close()
    return r.status, page

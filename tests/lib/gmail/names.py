"""Mailbox names on the wire: modified UTF-7, quoting, LIST patterns.

Inside the server a name is text; RFC 3501 section 5.1.3 says how it looks to
a client that has not enabled UTF8=ACCEPT (RFC 6855).
"""

import base64
import re

def to_utf7(text):
    out, held = [], ''
    for c in text + '\0':
        if ' ' <= c <= '~' or c == '\0':
            if held:
                code = base64.b64encode(held.encode('utf-16-be'))
                out.append('&%s-' % code.decode().rstrip('=').replace(
                    '/', ','))
                held = ''
            out.append('&-' if c == '&' else c)
        else:
            held += c
    return ''.join(out[:-1])


def from_utf7(name):
    """Text of a name in modified UTF-7; ValueError if it is none."""
    def decode(m):
        code = m.group(1)
        if not code:
            return '&'
        octets = base64.b64decode(code.replace(',', '/') + '=' * (
            -len(code) % 4), validate=True)
        return octets.decode('utf-16-be')
    if re.search(r'[^\x20-\x7e]', name):
        raise ValueError('8 bits in a name')
    try:
        text = re.sub(r'&([A-Za-z0-9+,]*)-', decode, name)
    except UnicodeDecodeError:
        raise ValueError('bad base64 in a name') from None
    if to_utf7(text) != name:
        raise ValueError('not modified UTF-7')
    return text


def quoted(data):
    """A quoted string, or a literal where that cannot be."""
    if isinstance(data, str):
        data = data.encode()
    if re.search(rb'[\r\n\0]', data) or len(data) > 1000:
        return literal(data)
    return b'"' + re.sub(rb'(["\\])', rb'\\\1', data) + b'"'


def literal(data):
    return b'{%d}\r\n' % len(data) + data


def string(data):
    """nstring for what may be 8 bit: RFC 3501 wants a literal then."""
    if data is None:
        return b'NIL'
    if isinstance(data, str):
        data = data.encode()
    if re.search(rb'[\x80-\xff]', data):
        return literal(data)
    return quoted(data)


def pattern(text):
    """A compiled LIST pattern; '/' is the separator."""
    words = {'*': '.*', '%': '[^/]*'}
    body = ''.join(words.get(c) or re.escape(c) for c in text)
    if text[:5].upper() == 'INBOX':
        body = '(?i:INBOX)' + body[5:]
    return re.compile(body + r'\Z', re.S)

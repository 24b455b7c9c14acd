"""A message as FETCH and SEARCH look at it: header fields, sections,
ENVELOPE, BODYSTRUCTURE (RFC 3501 sections 6.4.5 and 7.4.2), octet by octet.
"""

import email.errors
import email.header
import email.message
import email.utils
import functools
import re

from . import names
from .grammar import No

DEPTH = 30
FIELD = re.compile(rb'([!-9;-~]+)[ \t]*:')
BLANK = re.compile(rb'\r?\n\r?\n|\A\r?\n')


def split(raw):
    """Header with the empty line, and body."""
    m = BLANK.search(raw)
    return (raw[:m.end()], raw[m.end():]) if m else (raw, b'')


def fields(header):
    """[(name in lower case, octets with the line end)]"""
    found = []
    for line in re.findall(rb'[^\n]*\n|[^\n]+\Z', header):
        if not line.strip(b'\r\n'):
            break
        if line[:1] in b' \t' and found:
            found[-1] = (found[-1][0], found[-1][1] + line)
        else:
            m = FIELD.match(line)
            found.append((m.group(1).lower().decode() if m else '', line))
    return found


def value(header, name):
    """The first field of that name, unfolded; None if there is none."""
    for n, octets in fields(header):
        if n == name:
            text = re.sub(rb'\r?\n(?=[ \t])', b'', octets.split(b':', 1)[1])
            return text.strip().decode('utf-8', 'replace')
    return None


def decoded(text):
    """With encoded words made readable."""
    try:
        return str(email.header.make_header(email.header.decode_header(text)))
    except (ValueError, LookupError, email.errors.MessageError):
        return text


def message_id(raw):
    found = value(split(raw)[0], 'message-id')
    m = re.search(r'<\s*([^>]*?)\s*>', found or '')
    return m.group(1) if m else (found or '').strip()


def references(raw):
    header = split(raw)[0]
    text = ' '.join(value(header, n) or '' for n in (
        'references', 'in-reply-to'))
    return set(re.findall(r'<([^<>\s]+)>', text))


def unparsable(raw):
    """What is wrong with the header, or None."""
    header, _ = split(raw)
    if re.search(rb'(?<!\r)\n', header):
        return 'bare line feed'
    for name, octets in fields(header):
        if not name:
            return 'no field: %r' % octets[:40]
    return None


# -------------------------------------------------------------------- parts

class Part:
    def __init__(self, raw, depth=0, kind='text/plain'):
        self.raw = raw
        self.header, self.body = split(raw)
        self.parts, self.message = [], None
        head = email.message.Message()
        text = value(self.header, 'content-type') or kind
        head['Content-Type'] = re.sub(r'[\r\n]', ' ', text)
        self.type, _, self.subtype = head.get_content_type().partition('/')
        self.parameters = [
            (k, plain(v)) for k, v in (head.get_params() or [])[1:]]
        if depth >= DEPTH:
            self.type, self.subtype = 'application', 'octet-stream'
        elif self.type == 'multipart':
            boundary = dict((k.lower(), v) for k, v in self.parameters).get(
                'boundary', '')
            inner = 'message/rfc822' if self.subtype == 'digest' \
                else 'text/plain'
            self.parts = [Part(p, depth + 1, inner) for p in pieces(
                self.body, boundary.encode('utf-8', 'replace'))]
        elif (self.type, self.subtype) == ('message', 'rfc822'):
            self.message = Part(self.body, depth + 1)

    def child(self, n):
        """Part number N below this one (RFC 3501 section 6.4.5)."""
        of = self
        if of.message is not None and of.message.type == 'multipart':
            of = of.message
        if of.parts:
            return of.parts[n - 1] if 0 < n <= len(of.parts) else None
        if of.message is not None and n == 1:
            return of.message
        return None


def plain(text):
    return email.utils.collapse_rfc2231_value(text) if isinstance(
        text, tuple) else text


def pieces(body, boundary):
    """The bodies between boundaries (RFC 2046 section 5.1.1)."""
    if not boundary:
        return []
    # The line end of a boundary may be the one before the next boundary.
    line = re.compile(rb'(?:\A|\r?\n)--' + re.escape(boundary) +
                      rb'(--)?[ \t]*(?=\r?\n|\Z)')
    found, begin = [], None
    for m in line.finditer(body):
        if begin is not None:
            found.append(body[begin:m.start()])
        if m.group(1):
            return found
        begin = body.find(b'\n', m.end()) + 1 or len(body)
    if begin is not None:
        found.append(body[begin:])
    return found


@functools.lru_cache(512)
def tree(raw):
    return Part(raw)


# ----------------------------------------------------------------- sections

SECTION = re.compile(
    r'((?:\d+\.)*\d+)?\.?(HEADER\.FIELDS\.NOT|HEADER\.FIELDS|HEADER|TEXT|'
    r'MIME)?\Z')


def section(raw, text, wanted=(), rewrap=False):
    """Octets of BODY[TEXT], None if there is no such part."""
    m = SECTION.match(text)
    numbers = [int(n) for n in (m.group(1) or '').split('.') if n]
    what = m.group(2)
    part = root = tree(raw)
    for i, n in enumerate(numbers):
        if i == 0 and part.type != 'multipart' and part.message is None:
            below = part if n == 1 else None
            if below and len(numbers) > 1:
                return None
            part = below
        else:
            part = part.child(n)
        if part is None:
            return None
    if what is None:
        return part.body if numbers else root.raw
    if what == 'MIME':
        return folded(part.header, rewrap) if numbers else None
    if numbers:
        part = part.message
        if part is None:
            return None
    if what == 'TEXT':
        return part.body
    header = part.header if part.header.endswith((b'\n\r\n', b'\n\n')) \
        or part.header in (b'\r\n', b'\n') else part.header + b'\r\n'
    if what != 'HEADER':
        named = {w.lower() for w in wanted}
        keep = what == 'HEADER.FIELDS'
        header = b''.join(octets for name, octets in fields(header)
                          if (name in named) == keep) + b'\r\n'
    return folded(header, rewrap)


def folded(header, rewrap):
    """As a server that folds anew and drops blanks writes it."""
    if not rewrap:
        return header
    return b''.join(refold(octets) for _, octets in fields(header)) + b'\r\n'


def refold(octets):
    text = b' '.join(octets.split())
    line, lines = b'', []
    for word in text.split(b' '):
        if line and len(line) + 1 + len(word) > 78:
            lines.append(line)
            line = b''
        line += (b' ' if line or lines else b'') + word
    return b'\r\n'.join(lines + [line]) + b'\r\n'


# --------------------------------------------------- ENVELOPE, BODYSTRUCTURE

def addresses(text):
    if not text:
        return b'NIL'
    found = []
    for name, address in email.utils.getaddresses([text]):
        if not address:
            continue
        local, _, host = address.rpartition('@')
        if not local:
            local, host = host, None
        found.append(b'(%s NIL %s %s)' % (
            names.string(name or None), names.string(local),
            names.string(host)))
    return b'(%s)' % b''.join(found) if found else b'NIL'


@functools.lru_cache(2048)
def envelope(raw):
    header, _ = split(raw)
    sender = value(header, 'from')
    people = [sender, value(header, 'sender') or sender,
              value(header, 'reply-to') or sender]
    people += [value(header, n) for n in ('to', 'cc', 'bcc')]
    return b'(%s %s %s %s %s)' % (
        names.string(value(header, 'date')),
        names.string(value(header, 'subject')),
        b' '.join(addresses(p) for p in people),
        names.string(value(header, 'in-reply-to')),
        names.string(value(header, 'message-id')))


def parameters(pairs):
    if not pairs:
        return b'NIL'
    return b'(%s)' % b' '.join(
        names.string(k.upper()) + b' ' + names.string(v) for k, v in pairs)


def disposition(header):
    text = value(header, 'content-disposition')
    if not text:
        return b'NIL'
    head = email.message.Message()
    head['Content-Disposition'] = text
    pairs = head.get_params(header='content-disposition') or []
    return b'(%s %s)' % (
        names.string(pairs[0][0].upper()),
        parameters([(k, plain(v)) for k, v in pairs[1:]]))


def structure(part, extended):
    """BODY or BODYSTRUCTURE of a part."""
    if part.parts:
        text = b''.join(structure(p, extended) for p in part.parts)
        text += b' ' + names.string(part.subtype.upper())
        if extended:
            text += b' %s %s NIL' % (
                parameters(part.parameters), disposition(part.header))
        return b'(%s)' % text
    encoding = value(part.header, 'content-transfer-encoding') or '7BIT'
    kind, subtype = part.type, part.subtype
    if kind == 'multipart':	# one without parts
        kind, subtype = 'text', 'plain'
    text = b'%s %s %s %s %s %s %d' % (
        names.string(kind.upper()), names.string(subtype.upper()),
        parameters(part.parameters),
        names.string(value(part.header, 'content-id')),
        names.string(value(part.header, 'content-description')),
        names.string(encoding.upper()), len(part.body))
    if part.message is not None:
        text += b' %s %s %d' % (
            envelope(part.body), structure(part.message, extended),
            part.body.count(b'\n'))
    elif kind == 'text':
        text += b' %d' % part.body.count(b'\n')
    if extended:
        text += b' NIL %s NIL' % disposition(part.header)
    return b'(%s)' % text


def body_structure(raw, extended):
    try:
        return structure(tree(raw), extended)
    except RecursionError:
        raise No('Some messages could not be FETCHed') from None


# ------------------------------------------------------------------- changes

KNOWN = {'from', 'to', 'cc', 'subject', 'date', 'message-id', 'in-reply-to',
         'references', 'mime-version', 'content-type', 'received',
         'content-transfer-encoding', 'content-disposition', 'reply-to',
         'list-id', 'sender'}


def altered(raw, how):
    """What a server that does not keep octets makes of a message."""
    if how == 'kept':
        return raw
    header, body = split(raw)
    if how == 'refolded':
        lines = re.sub(rb'\r\n\t', b'\r\n ', header)
        return re.sub(rb'[ \t]+\r\n(?=[^\r])', b'\r\n', lines) + body
    kept = [refold(octets) for name, octets in fields(header)
            if name in KNOWN]
    kept.sort(key=lambda octets: octets.lower().startswith(b'mime-version'))
    return b''.join(kept) + b'\r\n' + body


def sameness(raw, key):
    """What is compared to find out whether a message is there already."""
    header, _ = split(raw)
    identity = message_id(raw)
    if not identity:
        return None
    more = {'id': (), 'id+date': ('date',),
            'id+date+subject+from': ('date', 'subject', 'from')}[key]
    return (identity,) + tuple(value(header, n) for n in more)

#include "authres.h"

#include <string.h>

struct cursor {
	struct str s;
	size_t at;
};

static bool at_end(const struct cursor *c)
{
	return c->at >= c->s.n;
}

/* Past a comment, which may hold others; an open one ends the text. */
static void skip_comment(struct cursor *c)
{
	size_t depth = 0;

	for (; !at_end(c); c->at++) {
		char ch = c->s.p[c->at];

		if (ch == '\\')
			c->at++;
		else if (ch == '(')
			depth++;
		else if (ch == ')' && --depth == 0) {
			c->at++;
			return;
		}
	}
}

static void skip_blank(struct cursor *c)
{
	while (!at_end(c)) {
		if (c->s.p[c->at] == '(')
			skip_comment(c);
		else if (ch_space(c->s.p[c->at]))
			c->at++;
		else
			return;
	}
}

/* Takes CH with the blanks around it, if it is next. */
static bool take(struct cursor *c, char ch)
{
	skip_blank(c);
	if (at_end(c) || c->s.p[c->at] != ch)
		return false;
	c->at++;
	skip_blank(c);
	return true;
}

static void add_quoted(struct cursor *c, struct buf *b)
{
	for (c->at++; !at_end(c) && c->s.p[c->at] != '"'; c->at++) {
		if (c->s.p[c->at] == '\\' && c->at + 1 < c->s.n)
			c->at++;
		buf_add_char(b, c->s.p[c->at]);
	}
	c->at += !at_end(c);
}

/* A value: up to a blank, a comment, a semicolon or one of STOPS; quoted
 * pieces of it without their quotes. */
static struct str take_value(struct cursor *c, struct arena *a,
    const char *stops)
{
	size_t from = c->at;
	bool plain = true;
	struct buf b;
	struct str text;

	buf_init(&b, MAIL_VALUE_MAX);
	while (!at_end(c)) {
		char ch = c->s.p[c->at];

		if (ch_space(ch) || ch == ';' || ch == '(' ||
		    (ch && strchr(stops, ch)))
			break;
		if (ch == '"') {
			plain = false;
			add_quoted(c, &b);
			continue;
		}
		buf_add_char(&b, ch);
		c->at++;
	}
	text = plain ? str_sub(c->s, from, c->at - from) :
	    arena_str(a, buf_str(&b));
	buf_free(&b);
	return text;
}

static struct str lower(struct arena *a, struct str s)
{
	char *z = arena_z(a, s);

	for (size_t i = 0; i < s.n; i++)
		z[i] = ch_lower(z[i]);
	return (struct str){ z, s.n };
}

/* The domain of an address or of a domain alone. */
static struct str domain_of(struct arena *a, struct str value)
{
	size_t n = value.n;

	while (n && value.p[n - 1] != '@')
		n--;
	return address_domain(a, str_sub(value, n, value.n));
}

static void keep_property(struct arena *a, struct authres_result *r,
    struct str type, struct str property, struct str value)
{
	bool header = str_ieq_z(type, "header");

	if (header && str_ieq_z(property, "d"))
		r->signer = domain_of(a, value);
	else if (header && str_ieq_z(property, "i") && !r->signer.n)
		r->signer = domain_of(a, value);
	else if (header && str_ieq_z(property, "from"))
		r->author = domain_of(a, value);
	else if (str_ieq_z(type, "smtp") && str_ieq_z(property, "mailfrom"))
		r->mailfrom = domain_of(a, value);
}

/* "type.property=value", "reason=value" and what else stands there, up to the
 * semicolon. */
static void take_properties(struct cursor *c, struct arena *a,
    struct authres_result *r)
{
	for (;;) {
		size_t from;
		struct str type, property = STR_EMPTY;

		skip_blank(c);
		if (at_end(c) || c->s.p[c->at] == ';')
			return;
		from = c->at;
		type = take_value(c, a, ".=");
		if (take(c, '.'))
			property = take_value(c, a, "=");
		if (take(c, '='))
			keep_property(a, r, type, property,
			    take_value(c, a, ""));
		if (c->at == from)
			c->at++;	/* one that nothing begins with */
	}
}

/* What stands between two semicolons; false if it is no result, or one of a
 * method's version that is not known. */
static bool take_result(struct cursor *c, struct arena *a,
    struct authres_result *out)
{
	struct str version = STR_LIT("1");

	*out = (struct authres_result){ .signer = STR_EMPTY,
	    .author = STR_EMPTY, .mailfrom = STR_EMPTY };
	out->method = lower(a, take_value(c, a, "=/"));
	if (take(c, '/'))
		version = take_value(c, a, "=");
	if (out->method.n == 0 || !take(c, '='))
		return false;
	out->result = lower(a, take_value(c, a, "="));
	return out->result.n && str_eq_z(version, "1");
}

bool authres_read(struct arena *a, struct str text, struct str id,
    struct authres *out)
{
	struct cursor c = { .s = str_sub(text, 0, MAIL_VALUE_MAX) };
	struct authres_result one;
	struct str version;
	size_t cap = 0;

	*out = (struct authres){ 0 };
	skip_blank(&c);
	if (!str_ieq(take_value(&c, a, "="), id))
		return false;
	skip_blank(&c);
	version = take_value(&c, a, "");
	if (version.n && !str_eq_z(version, "1"))
		return true;	/* by it, and not for us to understand */
	while (!at_end(&c)) {
		if (!take(&c, ';')) {
			c.at++;
			continue;
		}
		if (!take_result(&c, a, &one)) {
			take_properties(&c, a, &one);
			continue;
		}
		take_properties(&c, a, &one);
		if (out->n == AUTHRES_RESULTS_MAX) {
			out->cut = true;
			return true;
		}
		arena_grow(a, &out->results, out->n, &cap);
		out->results[out->n++] = one;
	}
	return true;
}

/* ------------------------------------------------------------- alignment */

/* Is DOMAIN the author's own, or one above it, a top level apart? */
static bool is_aligned(struct str domain, struct str author)
{
	if (str_find_char(domain, 0, '.') == domain.n)
		return false;
	return str_eq(domain, author) || (author.n > domain.n &&
	    str_ends(author, domain) &&
	    author.p[author.n - domain.n - 1] == '.');
}

bool authres_verifies(const struct authres *r, const struct address *author,
    bool only)
{
	for (size_t i = 0; author->domain.n && i < r->n; i++) {
		const struct authres_result *one = &r->results[i];

		if (!str_eq_z(one->result, "pass"))
			continue;
		if (str_eq_z(one->method, "dmarc") && (one->author.n ?
		    is_aligned(one->author, author->domain) : only))
			return true;
		if (str_eq_z(one->method, "dkim") &&
		    is_aligned(one->signer, author->domain))
			return true;
		if (str_eq_z(one->method, "spf") &&
		    is_aligned(one->mailfrom, author->domain))
			return true;
	}
	return false;
}

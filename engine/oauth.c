#include "oauth.h"

#include <jansson.h>
#include <string.h>

#include "digest.h"
#include "http.h"
#include "sasl.h"

#define SHOWN_MAX	300	/* octets of a provider's words */
#define INTERVAL	5	/* RFC 8628 section 3.2 */
#define INTERVAL_MAX	3600
#define DEVICE_LASTS	900	/* if it is not said, against the RFC */
#define LASTS_MAX	(400 * INT64_C(86400))
#define STATE_OCTETS	24
#define VERIFIER_OCTETS	32	/* RFC 7636 section 7.1 */

_Static_assert(STATE_OCTETS + VERIFIER_OCTETS == OAUTH_CHANCE,
    "all chance is used");

/* ------------------------------------------------------------ providers */

struct provider {
	const char *name;
	const char *authorization, *token, *device;	/* %: the tenant */
	const char *scope;
	const char *more;	/* of the query */
	/* The name that the redirect has for this machine: Microsoft lets
	 * the port vary below this one only, RFC 8252 section 8.3 wants the
	 * number. */
	const char *here;
	const char *no_device;
};

static const struct provider providers[] = {
	{
		.name = "google",
		.authorization =
		    "https://accounts.google.com/o/oauth2/v2/auth",
		.token = "https://oauth2.googleapis.com/token",
		.scope = "https://mail.google.com/",
		/* else there is no refresh token, or only the first time */
		.more = "&access_type=offline&prompt=consent",
		.here = "127.0.0.1",
		.no_device = "Google does not allow mail in the device flow",
	}, {
		.name = "microsoft",
		.authorization = "https://login.microsoftonline.com/%/"
		    "oauth2/v2.0/authorize",
		.token = "https://login.microsoftonline.com/%/"
		    "oauth2/v2.0/token",
		.device = "https://login.microsoftonline.com/%/"
		    "oauth2/v2.0/devicecode",
		.scope = "https://outlook.office.com/IMAP.AccessAsUser.All "
		    "offline_access",
		.more = "",
		.here = "localhost",
	}, {
		.name = "other",
		.more = "",
		.here = "127.0.0.1",
	},
};

static const struct provider *provider_of(const char *name)
{
	for (size_t i = 0; name && i < COUNT(providers); i++)
		if (strcmp(providers[i].name, name) == 0)
			return &providers[i];
	return NULL;
}

const char *oauth_providers(void)
{
	return "google, microsoft, other";
}

bool oauth_provider_known(const char *name)
{
	return provider_of(name) != NULL;
}

static bool has_tenant(const struct provider *p)
{
	return p && p->token && strchr(p->token, '%');
}

bool oauth_has_tenant(const char *provider)
{
	return has_tenant(provider_of(provider));
}

static const char *with_tenant(struct arena *a, const char *pattern,
    const char *tenant)
{
	struct str before = str_of(pattern);
	size_t at = str_find_char(before, 0, '%');

	if (!pattern || at == before.n)
		return pattern;
	return arena_printf(a, "%.*s%s%s", (int)at, pattern,
	    tenant ? tenant : "common", pattern + at + 1).p;
}

void oauth_complete(struct arena *a, struct oauth_client *c)
{
	const struct provider *p = provider_of(c->provider);

	if (!p)
		return;
	if (!c->authorization_endpoint)
		c->authorization_endpoint = with_tenant(a, p->authorization,
		    c->tenant);
	if (!c->token_endpoint)
		c->token_endpoint = with_tenant(a, p->token, c->tenant);
	if (!c->device_endpoint)
		c->device_endpoint = with_tenant(a, p->device, c->tenant);
	if (!c->scope)
		c->scope = p->scope;
}

const char *oauth_no_device(const struct oauth_client *c)
{
	const struct provider *p = provider_of(c->provider);

	return p && p->no_device ? p->no_device :
	    "the config names no `auth."
	    "device_authorization_endpoint`";
}

/* -------------------------------------------------------------- writing */

/* RFC 3986 section 2.3: what needs no escape anywhere. */
static bool unreserved(char c)
{
	return ch_alnum(c) || c == '-' || c == '.' || c == '_' || c == '~';
}

static void add_escaped(struct buf *out, struct str s)
{
	static const char digits[] = "0123456789ABCDEF";

	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if (unreserved(s.p[i])) {
			buf_add_char(out, s.p[i]);
			continue;
		}
		buf_add_char(out, '%');
		buf_add_char(out, digits[c >> 4]);
		buf_add_char(out, digits[c & 15]);
	}
}

/* "&KEY=VALUE", without the first "&" at the beginning of OUT; nothing for an
 * empty value. */
static void add_field(struct buf *out, const char *key, struct str value)
{
	if (value.n == 0)
		return;
	if (out->n > 0)
		buf_add_char(out, '&');
	buf_add_z(out, key);
	buf_add_char(out, '=');
	add_escaped(out, value);
}

/* RFC 4648 section 5, without padding. */
static struct str base64url(struct arena *a, const unsigned char *p,
    size_t n)
{
	struct buf b;
	struct str s;

	buf_init(&b, 2 * n + 4);
	sasl_base64((struct str){ (const char *)p, n }, &b);
	while (b.n > 0 && b.p[b.n - 1] == '=')
		b.n--;
	for (size_t i = 0; i < b.n; i++)
		b.p[i] = b.p[i] == '+' ? '-' : b.p[i] == '/' ? '_' : b.p[i];
	s = arena_str(a, buf_str(&b));
	buf_wipe_free(&b);
	return s;
}

struct str oauth_challenge(struct arena *a, struct str verifier)
{
	uint8_t hash[DIGEST_SIZE];

	digest_of(verifier, hash);
	return base64url(a, hash, sizeof(hash));
}

void oauth_ask(struct arena *a, const struct oauth_client *c, unsigned port,
    const unsigned char chance[OAUTH_CHANCE], struct oauth_request *out)
{
	const struct provider *p = provider_of(c->provider);
	struct buf query;

	out->client = c;
	out->state = base64url(a, chance, STATE_OCTETS);
	out->verifier = base64url(a, chance + STATE_OCTETS, VERIFIER_OCTETS);
	out->redirect = arena_printf(a, "http://%s:%u", p->here, port);
	buf_init(&query, OAUTH_FORM_MAX);
	buf_add_z(&query, "response_type=code");
	add_field(&query, "client_id", str_of(c->client_id));
	add_field(&query, "redirect_uri", out->redirect);
	add_field(&query, "scope", str_of(c->scope));
	add_field(&query, "state", out->state);
	add_field(&query, "code_challenge", oauth_challenge(a,
	    out->verifier));
	buf_add_z(&query, "&code_challenge_method=S256");
	add_field(&query, "login_hint", str_of(c->user));
	buf_add_z(&query, p->more);
	/* RFC 6749 section 3.1: there may be a query already. */
	out->address = arena_printf(a, "%s%c%s", c->authorization_endpoint,
	    strchr(c->authorization_endpoint, '?') ? '&' : '?',
	    buf_z(&query));
	buf_free(&query);
}

/* RFC 6749 section 2.3.1: a client proves itself in the form. */
static void add_client(struct buf *out, const struct oauth_client *c,
    struct str secret)
{
	add_field(out, "client_id", str_of(c->client_id));
	add_field(out, "client_secret", secret);
}

void oauth_form_code(struct buf *out, const struct oauth_client *c,
    struct str secret, const struct oauth_request *r, struct str code)
{
	add_field(out, "grant_type", STR_LIT("authorization_code"));
	add_field(out, "code", code);
	add_field(out, "redirect_uri", r->redirect);
	add_field(out, "code_verifier", r->verifier);
	add_client(out, c, secret);
}

void oauth_form_refresh(struct buf *out, const struct oauth_client *c,
    struct str secret, struct str refresh_token)
{
	add_field(out, "grant_type", STR_LIT("refresh_token"));
	add_field(out, "refresh_token", refresh_token);
	add_client(out, c, secret);
}

void oauth_form_device(struct buf *out, const struct oauth_client *c)
{
	add_client(out, c, STR_EMPTY);
	add_field(out, "scope", str_of(c->scope));
}

void oauth_form_poll(struct buf *out, const struct oauth_client *c,
    struct str secret, struct str device_code)
{
	add_field(out, "grant_type",
	    STR_LIT("urn:ietf:params:oauth:grant-type:device_code"));
	add_field(out, "device_code", device_code);
	add_client(out, c, secret);
}

/* --------------------------------------------------------------- errors */

static void add_words(struct buf *b, struct str words)
{
	struct str head = utf8_head(words, SHOWN_MAX);

	if (head.n == 0)
		return;
	buf_add_z(b, " (");
	buf_add_shown(b, head);
	buf_add_char(b, ')');
}

/* RFC 6749 sections 4.1.2.1 and 5.2, 8628 section 3.5, and what Microsoft
 * adds.  WHAT is followed by the account's name where it ends in a blank. */
static const struct fault {
	const char *error;
	enum err_kind kind;
	const char *what;
} faults[] = {
	{ "invalid_grant", ERR_AUTH, "consent was withdrawn or has expired: "
	    "run tamis auth " },
	{ "interaction_required", ERR_AUTH, "the provider wants to see you "
	    "in a browser: run tamis auth " },
	{ "consent_required", ERR_AUTH, "there is no consent for this "
	    "client: run tamis auth " },
	{ "login_required", ERR_AUTH, "the provider wants to see you in a "
	    "browser: run tamis auth " },
	{ "access_denied", ERR_AUTH, "the consent was denied" },
	{ "expired_token", ERR_AUTH, "nobody gave consent in time: run "
	    "tamis auth again" },
	{ "invalid_client", ERR_CONFIG, "the provider does not take the "
	    "client: check `auth.client_id` and `auth.client_secret_file`" },
	{ "unauthorized_client", ERR_CONFIG, "the client may not do this: "
	    "look at how it is registered, and check `auth.client_id`" },
	{ "unsupported_grant_type", ERR_CONFIG, "the provider does not do "
	    "this at all: check `auth.token_endpoint`" },
	{ "invalid_scope", ERR_CONFIG, "the client may not ask for this "
	    "scope: check `auth.scope`" },
	{ "invalid_request", ERR_CONFIG, "the request is refused: check "
	    "`auth.client_id`, `auth.client_secret_file` (does the client "
	    "have a secret?) and the redirect address that it is registered "
	    "with" },
	{ "server_error", ERR_TEMP, "the provider is in trouble; try later" },
	{ "temporarily_unavailable", ERR_TEMP,
	    "the provider is in trouble; try later" },
};

static bool is_passing(unsigned status)
{
	return status >= 500 || status == 429 || status == 408;
}

static bool fault_of(const struct oauth_client *c, const char *endpoint,
    unsigned status, struct str error, struct str words, struct err *e)
{
	enum err_kind kind = is_passing(status) ? ERR_TEMP : ERR_AUTH;
	const char *what = is_passing(status) ? "the provider is in "
	    "trouble; try later" : "the provider refuses: run tamis auth ";
	struct buf said;

	for (size_t i = 0; i < COUNT(faults); i++)
		if (str_eq_z(error, faults[i].error)) {
			kind = faults[i].kind;
			what = faults[i].what;
		}
	buf_init(&said, ERR_MSG_MAX);
	buf_add_shown(&said, utf8_head(error, SHOWN_MAX));
	add_words(&said, words);
	err_set(e, kind, "%s%s; %.*s says %s", what,
	    what[strlen(what) - 1] == ' ' ? c->account : "",
	    STR_ARG(http_host(endpoint)), buf_z(&said));
	buf_free(&said);
	return false;
}

/* --------------------------------------------------------- the redirect */

static int hex_digit(char c)
{
	return ch_digit(c) ? c - '0' : ch_alpha(c) && ch_lower(c) <= 'f' ?
	    ch_lower(c) - 'a' + 10 : -1;
}

/* False: a "%" that is none. */
static bool unescape(struct arena *a, struct str s, struct str *out)
{
	char *p = arena_alloc(a, s.n + 1);
	size_t n = 0;

	for (size_t i = 0; i < s.n; i++) {
		int high, low;

		if (s.p[i] != '%') {
			p[n++] = s.p[i] == '+' ? ' ' : s.p[i];
			continue;
		}
		high = i + 2 < s.n ? hex_digit(s.p[i + 1]) : -1;
		low = i + 2 < s.n ? hex_digit(s.p[i + 2]) : -1;
		if (high < 0 || low < 0)
			return false;
		p[n++] = (char)(high << 4 | low);
		i += 2;
	}
	*out = (struct str){ p, n };
	return true;
}

/* Of a query; a field that comes twice is none (RFC 6749 section 3.1). */
static struct str field_of(struct arena *a, struct str query,
    const char *name)
{
	struct str found = STR_EMPTY, part, value;
	size_t n = 0;

	while (str_cut(&query, '&', &part)) {
		size_t at = str_find_char(part, 0, '=');

		if (!str_eq_z(str_sub(part, 0, at), name))
			continue;
		n++;
		if (unescape(a, str_sub(part, at + 1, part.n), &value))
			found = value;
	}
	return n == 1 ? found : STR_EMPTY;
}

/* RFC 6749 appendix A: VSCHAR, and here no blank, as it goes into a form or
 * behind "Bearer ". */
static bool is_token(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] <= ' ' || s.p[i] >= 0x7F)
			return false;
	return s.n > 0 && s.n <= OAUTH_TOKEN_MAX;
}

enum oauth_return oauth_returned(struct arena *a,
    const struct oauth_request *r, struct str address,
    struct str *code_out, struct err *e)
{
	size_t at = str_find_char(address, 0, '?');
	struct str query = str_sub(address, at + 1, address.n), error, code;

	query.n = str_find_char(query, 0, '#');
	if (!str_eq(field_of(a, query, "state"), r->state)) {
		err_set(e, ERR_AUTH, "this is no answer to what was asked "
		    "(its state is another one)");
		return OAUTH_STRANGE;
	}
	error = field_of(a, query, "error");
	code = field_of(a, query, "code");
	if (error.n > 0) {
		(void)fault_of(r->client, r->client->authorization_endpoint,
		    400, error, field_of(a, query, "error_description"), e);
		return OAUTH_DENIED;
	}
	if (!is_token(code)) {
		err_set(e, ERR_PROTO, "the answer has no code in it");
		return OAUTH_STRANGE;
	}
	*code_out = code;
	return OAUTH_CODE;
}

/* ---------------------------------------------------------------- JSON */

/* An answer that holds tokens, until close_answer. */
struct answer {
	json_t *json;		/* an object, or NULL */
	json_malloc_t alloc;	/* jansson's before */
	json_free_t free;
};

static void open_answer(struct answer *w, struct str body)
{
	json_error_t error;

	json_get_alloc_funcs(&w->alloc, &w->free);
	json_set_alloc_funcs(w->alloc, wipe_free);
	w->json = json_loadb(body.p, body.n, JSON_REJECT_DUPLICATES, &error);
	if (!json_is_object(w->json)) {
		json_decref(w->json);
		w->json = NULL;
	}
}

static void close_answer(struct answer *w)
{
	json_decref(w->json);
	json_set_alloc_funcs(w->alloc, w->free);
}

/* Borrowed from the answer. */
static struct str text_in(const struct answer *w, const char *key)
{
	const json_t *v = json_object_get(w->json, key);

	if (!json_is_string(v))
		return STR_EMPTY;
	return (struct str){ json_string_value(v), json_string_length(v) };
}

/* Providers are known that write numbers as texts; 0: none. */
static int64_t number_in(const struct answer *w, const char *key,
    int64_t most)
{
	const json_t *v = json_object_get(w->json, key);
	uint64_t n = 0;

	if (json_is_string(v) && !str_u64(text_in(w, key), UINT32_MAX, &n))
		return 0;
	if (json_is_integer(v) && json_integer_value(v) > 0)
		n = (uint64_t)json_integer_value(v);
	if (json_is_real(v) && json_real_value(v) > 0)
		n = json_real_value(v) < (double)most ?
		    (uint64_t)json_real_value(v) : (uint64_t)most;
	return n < (uint64_t)most ? (int64_t)n : most;
}

/* -------------------------------------------------------------- answers */

/* An answer that is no JSON, or none of OAuth: a proxy's, another page's. */
static bool senseless(const char *endpoint, unsigned status, struct err *e)
{
	bool elsewhere = (status >= 300 && status < 400) || status == 404 ||
	    status == 405 || status == 410;

	return err_set(e, is_passing(status) ? ERR_TEMP : elsewhere ?
	    ERR_CONFIG : ERR_PROTO, "%.*s answers with status %u and not in "
	    "OAuth 2.0; %s", STR_ARG(http_host(endpoint)), status,
	    is_passing(status) ? "try later" : "check the endpoints under "
	    "`auth`");
}

void oauth_tokens_init(struct oauth_tokens *t)
{
	*t = (struct oauth_tokens){ .missing = STR_EMPTY };
	buf_init(&t->access, OAUTH_TOKEN_MAX);
	buf_init(&t->refresh, OAUTH_TOKEN_MAX);
}

void oauth_tokens_wipe(struct oauth_tokens *t)
{
	buf_wipe_free(&t->access);
	buf_wipe_free(&t->refresh);
}

/* Is WORD one of LIST, separated by blanks? */
static bool has_word(struct str list, struct str word)
{
	struct str one;

	while (str_cut(&list, ' ', &one))
		if (str_eq(one, word))
			return true;
	return false;
}

/* RFC 6749 section 5.1: a scope is said where it is not the one asked for.
 * offline_access is kept out of it by who grants it. */
static struct str missing_scope(struct arena *a,
    const struct oauth_client *c, struct str granted)
{
	struct str asked = str_of(c->scope), word, missing = STR_EMPTY;

	if (granted.n == 0)
		return missing;
	while (str_cut(&asked, ' ', &word))
		if (word.n > 0 && !str_eq_z(word, "offline_access") &&
		    !has_word(granted, word))
			missing = arena_printf(a, "%.*s%s%.*s",
			    STR_ARG(missing), missing.n ? " " : "",
			    STR_ARG(word));
	return missing;
}

static bool take_tokens(struct arena *a, const struct oauth_client *c,
    const struct answer *w, struct oauth_tokens *out, struct err *e)
{
	struct str access = text_in(w, "access_token");
	struct str refresh = text_in(w, "refresh_token");
	struct str type = text_in(w, "token_type");

	if (!is_token(access) || (refresh.n > 0 && !is_token(refresh)))
		return err_set(e, ERR_PROTO, "%.*s gives a token that cannot "
		    "be one", STR_ARG(http_host(c->token_endpoint)));
	if (type.n > 0 && !str_ieq_z(type, "bearer"))
		return err_set(e, ERR_CONFIG, "%.*s gives tokens that are no "
		    "bearer tokens; IMAP knows no others",
		    STR_ARG(http_host(c->token_endpoint)));
	buf_add_str(&out->access, access);
	buf_add_str(&out->refresh, refresh);
	out->lasts = number_in(w, "expires_in", LASTS_MAX);
	out->missing = missing_scope(a, c, text_in(w, "scope"));
	return true;
}

static enum oauth_answer read_answer(struct arena *a,
    const struct oauth_client *c, unsigned status, const struct answer *w,
    struct oauth_tokens *out, struct err *e)
{
	struct str error = text_in(w, "error");

	if (str_eq_z(error, "authorization_pending"))
		return OAUTH_PENDING;
	if (str_eq_z(error, "slow_down"))
		return OAUTH_SLOW_DOWN;
	if (error.n > 0)
		(void)fault_of(c, c->token_endpoint, status, error,
		    text_in(w, "error_description"), e);
	else if (status != 200 || text_in(w, "access_token").n == 0)
		(void)senseless(c->token_endpoint, status, e);
	else if (take_tokens(a, c, w, out, e))
		return OAUTH_GOOD;
	return OAUTH_BAD;
}

enum oauth_answer oauth_read_tokens(struct arena *a,
    const struct oauth_client *c, unsigned status, struct str body,
    struct oauth_tokens *out, struct err *e)
{
	struct answer w;
	enum oauth_answer got;

	open_answer(&w, body);
	got = read_answer(a, c, status, &w, out, e);
	close_answer(&w);
	return got;
}

void oauth_device_init(struct oauth_device *d)
{
	*d = (struct oauth_device){ .complete = STR_EMPTY };
	buf_init(&d->device_code, OAUTH_TOKEN_MAX);
}

void oauth_device_wipe(struct oauth_device *d)
{
	buf_wipe_free(&d->device_code);
}

/* An address that a person is sent to. */
static struct str address_in(struct arena *a, const struct answer *w,
    const char *key)
{
	const char *z = arena_z(a, text_in(w, key));

	return http_url_wrong(z) ? STR_EMPTY : str_of(z);
}

static bool take_device(struct arena *a, const struct oauth_client *c,
    const struct answer *w, struct oauth_device *out, struct err *e)
{
	struct str code = text_in(w, "device_code");

	out->address = address_in(a, w, "verification_uri");
	if (out->address.n == 0)	/* as it was called in drafts */
		out->address = address_in(a, w, "verification_url");
	out->complete = address_in(a, w, "verification_uri_complete");
	out->user_code = arena_str(a, text_in(w, "user_code"));
	if (!is_token(code) || out->user_code.n == 0 ||
	    out->user_code.n > SHOWN_MAX || out->address.n == 0)
		return err_set(e, ERR_PROTO, "%.*s gives no code, or no "
		    "address to enter it at",
		    STR_ARG(http_host(c->device_endpoint)));
	buf_add_str(&out->device_code, code);
	out->interval = (unsigned)number_in(w, "interval", INTERVAL_MAX);
	if (out->interval == 0)
		out->interval = INTERVAL;
	out->lasts = number_in(w, "expires_in", LASTS_MAX);
	if (out->lasts == 0)
		out->lasts = DEVICE_LASTS;
	return true;
}

bool oauth_read_device(struct arena *a, const struct oauth_client *c,
    unsigned status, struct str body, struct oauth_device *out,
    struct err *e)
{
	struct answer w;
	struct str error;
	bool ok;

	open_answer(&w, body);
	error = text_in(&w, "error");
	ok = error.n > 0 ? fault_of(c, c->device_endpoint, status, error,
	    text_in(&w, "error_description"), e) :
	    status != 200 || !w.json ? senseless(c->device_endpoint, status,
	    e) : take_device(a, c, &w, out, e);
	close_answer(&w);
	return ok;
}

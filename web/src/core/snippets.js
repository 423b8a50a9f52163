/**
 * Programs that connect, with the address of this server and a symbol filled in. They are run by the tests
 * as they stand here, so nothing in them is only for show.
 */

/** For URLs in quotes, in a shell or in C: nothing is left that either could take for its own. */
function encodeSymbol(symbol) {
  return encodeURIComponent(symbol).replace(/[!'()~]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`);
}

/**
 * @param {{pageUrl: string, symbol: string|null}} place `pageUrl`: the server's address, ending in a slash
 * @returns {{name: string, title: string, file: string, needs: string, run: string, code: string}[]}
 */
export function createSnippets({ pageUrl, symbol }) {
  const http = new URL(pageUrl);
  const ws = new URL('ws', http);
  ws.protocol = http.protocol === 'https:' ? 'wss:' : 'ws:';
  const name = symbol ?? '*';
  const symbols = `symbols=${encodeSymbol(name)}`;
  const place = { http: http.href, ws: ws.href, text: JSON.stringify(name), symbols, url: http };
  return [javascript(place), python(place), c(place), wscat(place), curl(place)];
}

function javascript({ http, ws, text }) {
  return {
    name: 'javascript', title: 'JavaScript', file: 'prices.mjs', needs: 'Node 22, or 18 with the package ws',
    run: `curl -o pricecast.mjs ${http}pricecast.js\nnode prices.mjs`,
    code: `import { connect } from './pricecast.mjs';

// Node before 22: import { WebSocket } from 'ws' and pass { WebSocket } as the second argument.
const feed = connect('${ws}');
feed.on('state', ({ to }) => console.error(to)); // live, stalled, reconnecting, …
feed.on('gap', (gap) => console.error('missed', gap));

// It reconnects by itself and asks for what was missed.
for await (const item of feed.subscribe([${text}], { mode: 'every' })) {
  const { symbol, kind, price, size, bid, ask } = item; // decimals are exact strings
  console.log(symbol, kind, kind === 'trade' ? \`\${price} × \${size}\` : \`\${bid} / \${ask}\`);
}
`,
  };
}

function python({ ws, symbols }) {
  return {
    name: 'python', title: 'Python', file: 'prices.py', needs: 'apt install python3-websockets, or pip install websockets',
    run: 'python3 prices.py',
    code: `import asyncio
import json
import websockets

URL = "${ws}?${symbols}"


async def main():
    async with websockets.connect(URL, max_size=1 << 20) as socket:
        async for text in socket:
            message = json.loads(text)
            if message["type"] in ("snapshot", "update"):
                for item in message["data"]:  # decimals are exact strings
                    if item["kind"] == "trade":
                        print(item["symbol"], "trade", item["price"], flush=True)
                    else:
                        print(item["symbol"], "quote", item.get("bid"), item.get("ask"), flush=True)


asyncio.run(main())
`,
  };
}

function c({ symbols, url }) {
  const isSecure = url.protocol === 'https:';
  const port = url.port || (isSecure ? '443' : '80');
  const host = url.hostname.replace(/^\[|\]$/g, '');
  return {
    name: 'c', title: 'C', file: 'prices.c', needs: 'apt install libwebsockets-dev',
    run: 'cc prices.c -o prices $(pkg-config --cflags --libs libwebsockets)\n./prices',
    code: `#include <libwebsockets.h>
#include <stdbool.h>
#include <stdio.h>

static bool is_over;

static int on_event(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in, size_t len)
{
    (void)user;
    switch (reason) {
    case LWS_CALLBACK_CLIENT_RECEIVE: /* a message may come in pieces */
        fwrite(in, 1, len, stdout);
        if (lws_is_final_fragment(wsi) && lws_remaining_packet_payload(wsi) == 0)
            putchar('\\n');
        fflush(stdout);
        break;
    case LWS_CALLBACK_CLIENT_CONNECTION_ERROR:
    case LWS_CALLBACK_CLIENT_CLOSED:
        is_over = true;
        break;
    default:
        break;
    }
    return 0;
}

int main(void)
{
    static const struct lws_protocols protocols[] = {{.name = "prices", .callback = on_event}, {0}};
    const struct lws_context_creation_info info = {
        .port = CONTEXT_PORT_NO_LISTEN,
        .protocols = protocols,
        .options = LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT,
    };
    lws_set_log_level(LLL_ERR, NULL);
    struct lws_context *context = lws_create_context(&info);
    const struct lws_client_connect_info server = {
        .context = context,
        .address = "${host}",
        .port = ${port},
        .path = "${url.pathname}ws?${symbols}",
        .host = "${url.host}",
        .protocol = "pricecast.v1.json",
        .local_protocol_name = "prices",${isSecure ? '\n        .ssl_connection = LCCSCF_USE_SSL,' : ''}
    };
    if (context == NULL || lws_client_connect_via_info(&server) == NULL)
        return 1;
    while (!is_over && lws_service(context, 0) >= 0)
        ;
    lws_context_destroy(context);
    return 0;
}
`,
  };
}

function wscat({ ws, symbols, text }) {
  return {
    name: 'wscat', title: 'wscat', file: '', needs: 'Node: npx fetches wscat', run: '',
    code: `npx wscat -c "${ws}?${symbols}"

# or say it after connecting:
#   {"op":"subscribe","id":1,"symbols":[${text}],"mode":"latest","max_rate":4}
#   {"op":"list","id":2}
`,
  };
}

function curl({ http, symbols }) {
  const symbolOnly = symbols.replace('symbols=', 'symbol=');
  return {
    name: 'curl', title: 'curl', file: '', needs: '', run: '',
    code: `# the latest of each stream
curl "${http}api/v1/latest?${symbols}"

# every message as it comes (Server-Sent Events)
curl -N "${http}sse?${symbols}"
${symbols === 'symbols=*' ? '' : `
# candles of a minute, the last 100
curl "${http}api/v1/candles?${symbolOnly}&interval=1m&limit=100"
`}`,
  };
}

/** Code cut into pieces for colouring: comments and strings, the rest plain. @param {string} language */
export function tokens(code, language) {
  const comment = language === 'python' || language === 'curl' || language === 'wscat' ? '#[^\\n]*' : '\\/\\/[^\\n]*|\\/\\*[\\s\\S]*?\\*\\/';
  const parts = new RegExp(`("(?:[^"\\\\\\n]|\\\\.)*"|'(?:[^'\\\\\\n]|\\\\.)*'|\`(?:[^\`\\\\]|\\\\.)*\`)|(${comment})`, 'g');
  const out = [];
  let at = 0;
  for (const match of code.matchAll(parts)) {
    if (match.index > at) out.push({ kind: '', text: code.slice(at, match.index) });
    out.push({ kind: match[1] === undefined ? 'comment' : 'string', text: match[0] });
    at = match.index + match[0].length;
  }
  if (at < code.length) out.push({ kind: '', text: code.slice(at) });
  return out;
}

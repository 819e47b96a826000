// The status page in Chromium: numbers move, the gap log tells of a gap, the pad publishes and listens, names of channels stay text, a
// stranger's page gets nothing. SCREENSHOTS=folder keeps what it looks like.
import assert from 'node:assert/strict';
import {spawn} from 'node:child_process';
import fs from 'node:fs';
import http from 'node:http';
import os from 'node:os';
import path from 'node:path';
import {chromium} from 'playwright-core';

const work = fs.mkdtempSync(path.join(os.tmpdir(), 'holdfast-status-'));
const TOKEN = 'a-token-of-the-control-door';
const nodes = [];

async function start(more = {}) {
  const config = {
    listen: [{address: '127.0.0.1:0'}],
    control: {http: {address: '127.0.0.1:0', ...more.control}, grpc: {address: '127.0.0.1:0'}},
    metrics: {address: '127.0.0.1:0'},
    routes: [{path: '/events/{name}', hold: {mode: 'stream', channels: ['{name}'], content_type: 'text/event-stream'}},
      {path: '/poll/{name}', hold: {mode: 'response', channels: ['{name}']}},
      {path: '/ws/{name}', hold: {mode: 'websocket', channels: ['{name}']}}],
    drain: {window: '100ms'},
  };
  const file = path.join(work, `node${nodes.length}.yaml`);
  fs.writeFileSync(file, JSON.stringify(config));
  const node = spawn(process.env.HOLDFAST_BIN, ['serve', '--config', file], {stdio: ['ignore', 'pipe', 'inherit']});
  nodes.push(node);
  return new Promise((done, fail) => {
    let text = '';
    node.on('exit', (code) => fail(new Error(`the node ended with ${code}`)));
    node.stdout.on('data', (data) => {
      text += data;
      const found = Object.fromEntries([...text.matchAll(/^\s+(clients|publishers|metrics)\s+(\S+)/gm)].map((m) => [m[1], m[2]]));
      if (found.metrics) done({...found, page: found.metrics.replace('/metrics', '/')});
    });
  });
}

// A stream that is open until the test ends; `first` resolves once its first bytes came.
function hold(node, target, headers = {}) {
  const request = http.get(node.clients + target, {headers});
  request.on('error', () => {});
  let text = '';
  const heard = [];
  request.on('response', (response) => response.on('data', (data) => {
    text += data;
    for (const wait of heard) wait();
  }));
  return {request, until: (wanted) => new Promise((done) => {
    const look = () => wanted.exec(text) && done(wanted.exec(text));
    heard.push(look);
    look();
  })};
}

async function publish(node, channel, content) {
  const formats = {'http-stream': {content: content + '\n'}};
  const answer = await fetch(node.publishers + '/publish/', {method: 'POST', body: JSON.stringify({items: [{channel, formats}]})});
  assert.equal(answer.status, 200);
}

const browser = await chromium.launch({executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: ['--no-sandbox']});
const troubles = [];
async function open(url, options = {}) {
  const page = await browser.newPage(options);
  page.setDefaultTimeout(20000);
  page.on('console', (message) => message.type() === 'error' && troubles.push(message.text()));
  page.on('pageerror', (error) => troubles.push(error.message));
  page.on('dialog', (dialog) => troubles.push('a dialog: ' + dialog.message()) && dialog.dismiss());
  if (url) await page.goto(url);
  return page;
}
const text = (page, selector) => page.locator(selector).textContent();
// As waitForFunction, which evaluates text in the page: the page's policy forbids that.
async function until(page, condition, argument) {
  for (const end = Date.now() + 20000; Date.now() < end; await new Promise((done) => setTimeout(done, 50))) {
    if (await page.evaluate(condition, argument)) return;
  }
  throw new Error('not in time: ' + condition + ' ' + JSON.stringify(argument));
}
const has = (page, selector, wanted) => until(page, ([selector, wanted]) => document.querySelector(selector)?.textContent.includes(wanted), [selector, wanted]);

async function picture(page, name) {
  if (process.env.SCREENSHOTS) await page.screenshot({path: path.join(process.env.SCREENSHOTS, name + '.png'), fullPage: true});
}

let failed = false;
async function check(name, run) {
  try {
    await run();
    assert.deepEqual(troubles.splice(0), []);
    console.log(`PASS ${name}`);
  } catch (error) {
    failed = true;
    console.log(`FAIL ${name}: ${error.stack}`);
  }
}

const node = await start();
const evil = '<img src=x onerror="window.hacked=1">&amp;\u202e';
const streams = [...Array(5)].map(() => hold(node, '/events/news'));
streams.push(hold(node, '/events/' + encodeURIComponent(evil)), hold(node, '/poll/news'));
const page = await open(node.page, {viewport: {width: 1280, height: 900}});

await check('connections and nodes are shown', async () => {
  await has(page, '#state', 'ready');
  await has(page, '#kinds', 'Streams6');
  await has(page, '#nodes', os.hostname());
  assert.match(await text(page, '#kinds'), /Long polls1/);
  await has(page, '#channels', 'news6');
});

await check('the name of a channel stays text', async () => {
  await has(page, '#channels', evil);
  assert.equal(await page.evaluate(() => document.querySelectorAll('#channels img').length), 0);
  assert.equal(await page.evaluate(() => window.hacked), undefined);
});

await check('numbers change when items are published', async () => {
  for (let i = 0; i < 20; ++i) await publish(node, 'news', 'm' + i);
  await until(page, () => parseFloat(document.querySelector('#rate').textContent) > 0);
  await has(page, '#rate', '101 in all');  // five streams, and the poll once
  assert.match(await text(page, '#lag'), /(µs|ms|s)/);
  assert.ok(await page.evaluate(() => document.querySelector('#chart-rate path.one').getAttribute('d').length > 5));
});

await check('the gap log shows a gap', async () => {
  const [, id] = await streams[0].until(/id: (\S+)/);
  const bytes = Buffer.from(id.slice(3), 'base64url');
  bytes[11] ^= 1;  // another epoch
  hold(node, '/events/news', {'Last-Event-ID': 'h1.' + bytes.toString('base64url')});
  await has(page, '#gaps', 'other_epoch');
  assert.match(await text(page, '#gaps'), /news/);
});

await check('the pad publishes and listens', async () => {
  await page.fill('#channel', 'pad');
  await page.click('#listen');
  await has(page, '#said', 'Listening');
  const stream = hold(node, '/events/pad');
  await until(page, async () => (await (await fetch('status.json')).json()).channels.list.some((c) => c.channel === 'pad'));
  await page.fill('#text', '<b>hello</b>');
  await page.click('#publish');
  await has(page, '#said', 'Published');
  await stream.until(/data: <b>hello<\/b>/);
  await has(page, '#items', '<b>hello</b>');
  assert.equal(await page.evaluate(() => document.querySelectorAll('#items b').length), 0);
  await page.click('#listen');
  await has(page, '#listen', 'Listen');
});

await check('it fits a wide window and a phone, light and dark', async () => {
  for (const [width, scheme] of [[1280, 'light'], [1280, 'dark'], [360, 'light'], [360, 'dark']]) {
    await page.setViewportSize({width, height: 900});
    await page.emulateMedia({colorScheme: scheme});
    await until(page, (width) => document.querySelector('#chart-rate').clientWidth < width && document.body.scrollWidth <= width, width);
    await picture(page, `status-${width}-${scheme}`);
  }
  await page.setViewportSize({width: 1280, height: 900});
});

await check('the keyboard reaches everything', async () => {
  const reached = new Set();
  await page.evaluate(() => document.activeElement.blur());
  for (let i = 0; i < 15; ++i) {
    await page.keyboard.press('Tab');
    reached.add(await page.evaluate(() => document.activeElement.id || document.activeElement.className));
  }
  for (const id of ['skip', 'channel', 'text', 'publish', 'listen']) assert.ok(reached.has(id), `${id} not in ${[...reached]}`);
});

await check('the page allows nothing but itself', async () => {
  const answer = await fetch(node.page);
  const policy = answer.headers.get('content-security-policy');
  assert.match(policy, /^default-src 'none'; script-src 'sha256-[^']+'; style-src 'sha256-[^']+'; connect-src 'self';/);
  assert.equal(answer.headers.get('x-frame-options'), 'DENY');
  const blocked = await page.evaluate(() => new Promise((done) => {
    document.addEventListener('securitypolicyviolation', (event) => done(event.violatedDirective));
    const script = document.createElement('script');
    script.textContent = 'window.hacked = 1';
    document.body.append(script);
  }));
  assert.match(blocked, /script-src/);
  assert.equal(await page.evaluate(() => window.hacked), undefined);
  troubles.length = 0;
});

await check('a stranger\u2019s page can neither publish nor read', async () => {
  const stranger = http.createServer((_, response) => response.writeHead(200, {'Content-Type': 'text/html'}).end('<title>stranger</title>'));
  await new Promise((done) => stranger.listen(0, '127.0.0.1', done));
  const other = await open(`http://127.0.0.1:${stranger.address().port}/`);
  const before = (await (await fetch(node.page + 'status.json')).json()).counts.published;
  const tries = await other.evaluate(async (target) => {
    const body = JSON.stringify({items: [{channel: 'news', formats: {'http-stream': {content: 'from a stranger'}}}]});
    const attempt = (options) => fetch(target + 'status/publish', {method: 'POST', body, ...options}).then(() => 'sent', () => 'refused');
    return [await attempt({headers: {'Content-Type': 'application/json', 'X-Holdfast-Page': 'status'}}), await attempt({mode: 'no-cors'}),
      await fetch(target + 'status.json').then((answer) => answer.text(), () => 'refused')];
  }, node.page);
  assert.deepEqual([tries[0], tries[2]], ['refused', 'refused']);
  assert.equal((await (await fetch(node.page + 'status.json')).json()).counts.published, before);
  await other.close();
  stranger.close();
  troubles.length = 0;  // the browser says what it refused
});

await check('with tokens the pad asks for one', async () => {
  const guarded = await start({control: {tokens: [TOKEN]}});
  const page = await open(guarded.page, {viewport: {width: 360, height: 800}});
  await has(page, '#pad-hint', 'Enter a token');
  assert.ok(await page.isDisabled('#publish'));
  await page.fill('#token', TOKEN);
  await page.press('#token', 'Enter').catch(() => {});
  await until(page, () => !document.querySelector('#publish').disabled);
  await page.fill('#channel', 'guarded');
  await page.click('#publish');
  await has(page, '#said', 'Published');
  await picture(page, 'status-token');
  await page.close();
});

await check('a node that ends is seen to be gone', async () => {
  nodes[0].removeAllListeners('exit');
  for (const stream of streams) stream.request.destroy();
  nodes[0].kill('SIGTERM');
  await page.waitForSelector('#lost:not([hidden])');
  assert.equal(await text(page, '#state'), 'unreachable');
  troubles.length = 0;
});

await browser.close();
for (const each of nodes) {
  each.removeAllListeners('exit');
  const ended = each.exitCode !== null ? each.exitCode : new Promise((done) => each.on('exit', done));
  each.kill('SIGTERM');
  const code = await ended;
  if (code !== 0) failed = true, console.log(`FAIL a node ended with ${code}`);
}
fs.rmSync(work, {recursive: true});
process.exit(failed ? 1 : 0);

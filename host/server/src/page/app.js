// The page: log-in, the list and its buttons. What is asked and heard is in server.js.

import {
  Problem, ask, asked, events, forget, hasToken, isToken, open, packagePath, printable, remember,
} from './server.js';

const POLL = 2000;
const LOG_LINES = 1000;

const $ = (id) => document.getElementById(id);
const pause = (time) => new Promise((done) => setTimeout(done, time));

/** The packages that are shown, by name. */
const cards = new Map();
/** Ends all that goes on while somebody is logged in. */
let session = null;
/** Whether the server has logs; `null` until that is known. */
let hasLogs = null;
/** The one log that is followed: a browser has few connections to one server. */
let followed = null;

// Small helpers.

/** Says it in a node, which is hidden where there is nothing to say. */
function say(node, text) {
  const shown = text === null || text === undefined ? '' : printable(text);
  if (node.textContent !== shown) node.textContent = shown;
  node.hidden = shown === '';
}

function node(name, text, kind) {
  const made = document.createElement(name);
  made.textContent = printable(text);
  if (kind) made.className = kind;
  return made;
}

const time = (seconds) => new Date(seconds * 1000).toLocaleString();

function problem(error) {
  const box = node('p', error.message, 'problem');
  // It may be long, and is to be scrolled without a mouse, too.
  box.tabIndex = 0;
  if (error.hint) {
    box.append(document.createElement('br'), node('span', error.hint, 'hint'));
  }
  return box;
}

/** Tells of an error where people see it, unless it ends the session. */
function tell(error, where = $('failed')) {
  if (session?.signal.aborted || error.name === 'AbortError') return;
  if (error.status === 401) return leave(error);
  if (!(error instanceof Problem)) console.error(error);
  $('done').replaceChildren();
  where.replaceChildren(problem(error));
  $('dismiss').hidden = $('failed').childElementCount === 0;
}

function tellDone({ message, warnings }) {
  const text = [message, ...warnings.map((it) => `warning: ${it}`)].join('\n');
  $('failed').replaceChildren();
  const box = node('p', text, 'well');
  box.tabIndex = 0;
  $('done').replaceChildren(box);
  $('dismiss').hidden = false;
}

function dismiss() {
  $('done').replaceChildren();
  $('failed').replaceChildren();
  $('dismiss').hidden = true;
}

// Log-in and log-out.

async function begin() {
  for (;;) {
    try {
      return enter(await asked('GET', '/v1/server'));
    } catch (error) {
      if (error.status === 401) return leave(hasToken() ? error : null);
      say($('link'), `${error.message}; trying again`);
      await pause(POLL);
    }
  }
}

function enter(about) {
  session = new AbortController();
  $('entrance').hidden = true;
  $('packages').hidden = false;
  $('log-out').hidden = !hasToken();
  const since = `since ${time(about.since)}`;
  say($('about'), `Keyway ${about.version}, process ${about.pid} ${since}, packages in ${about.package_root}`);
  live(session.signal);
}

/** Forgets the token and what was seen with it, and shows the log-in. */
function leave(why) {
  forget();
  session?.abort();
  session = null;
  hasLogs = null;
  closeLog();
  for (const dialog of document.querySelectorAll('dialog[open]')) dialog.close();
  $('add-form').reset();
  chooseSource();
  clearAddErrors();
  cards.clear();
  $('list').replaceChildren();
  dismiss();
  for (const id of ['link', 'about']) say($(id), '');
  $('packages').hidden = true;
  $('log-out').hidden = true;
  $('entrance').hidden = false;
  $('entrance-failed').replaceChildren(...(why ? [problem(why)] : []));
  $('token').focus();
}

$('log-in').addEventListener('submit', async (event) => {
  event.preventDefault();
  const field = $('token');
  const text = field.value.trim();
  $('entrance-failed').replaceChildren();
  field.removeAttribute('aria-invalid');
  try {
    if (!isToken(text)) throw new Problem(0, { message: 'this is no token: it has characters that none has' });
    const about = await asked('GET', '/v1/server', { as: text });
    field.value = '';
    remember(text);
    enter(about);
    $('packages-title').focus();
  } catch (error) {
    if (!(error instanceof Problem)) console.error(error);
    field.setAttribute('aria-invalid', 'true');
    $('entrance-failed').replaceChildren(problem(error));
    field.select();
    field.focus();
  }
});
$('log-out').addEventListener('click', () => leave(null));
$('dismiss').addEventListener('click', () => {
  dismiss();
  $('packages-title').focus();
});

// What happens on the server.

/** Keeps the list as the server has it, until the session ends. */
async function live(signal) {
  let wait = 0;
  while (!signal.aborted) {
    try {
      await follow(signal, () => { wait = 0; });
      // The server ended the stream.
    } catch (error) {
      if (signal.aborted) return;
      if (error.status === 401) return leave(error);
      if (!(error instanceof Problem || error instanceof TypeError)) console.error(error);
    }
    if (signal.aborted) return;
    say($('link'), 'connection lost; trying again');
    wait = Math.min(10_000, wait + 1000);
    await pause(wait);
  }
}

async function follow(signal, isWell) {
  let stream = null;
  try {
    stream = await open('/v1/events', signal);
  } catch (error) {
    // What cannot be told is asked for: there are no events, or too many listen.
    if (error.status !== 404 && error.status !== 503) throw error;
  }
  await load(signal);
  isWell();
  if (stream === null) {
    say($('link'), 'up to date within 2 s');
    for (;;) {
      await pause(POLL);
      await load(signal);
    }
  }
  say($('link'), 'live');
  for await (const { type, data } of events(stream)) {
    if (signal.aborted) return;
    if (type === 'lost') {
      want(null, signal);
      continue;
    }
    const event = JSON.parse(data);
    if (type === 'removed') remove(event.name);
    else if (type === 'progress') showProgress(event);
    else if (typeof event.name === 'string') want(event.name, signal);
  }
}

async function load(signal) {
  const packages = await asked('GET', '/v1/packages', { signal });
  if (signal.aborted) return;
  const names = new Set(packages.map((it) => it.name));
  for (const name of [...cards.keys()]) {
    if (!names.has(name)) remove(name);
  }
  packages.forEach(show);
  $('none').hidden = cards.size > 0;
  if (hasLogs === null && cards.size > 0) await lookForLogs(packages[0].name, signal);
}

/** What changed, and is to be asked for; `null` for all. */
const wanted = new Set();
let fetching = false;

/** Asks for a package anew, once for all changes that come together. */
async function want(name, signal) {
  wanted.add(name);
  if (fetching) return;
  fetching = true;
  try {
    await pause(30);
    while (wanted.size > 0 && !signal.aborted) {
      if (wanted.has(null) || wanted.size > 8) {
        wanted.clear();
        await load(signal);
        continue;
      }
      const [next] = wanted;
      wanted.delete(next);
      try {
        show(await asked('GET', packagePath(next), { signal }));
      } catch (error) {
        if (error.code !== 'not-on-record') throw error;
        remove(next);
      }
      if (hasLogs === null) await lookForLogs(next, signal);
    }
  } catch (error) {
    // Without a connection the whole list is loaded with the next one.
    if (error.status !== 0) tell(error);
  } finally {
    fetching = false;
    wanted.clear();
  }
}

// The list.

const ACTIONS = [
  ['start', 'Start', (it) => !it.running && !['disabled', 'error'].includes(it.status)],
  ['stop', 'Stop', (it) => it.running && !it.protected],
  ['enable', 'Enable', (it) => it.status === 'disabled'],
  ['disable', 'Disable', (it) => it.status !== 'disabled' && !it.protected],
  ['retry', 'Retry', (it) => it.status === 'error'],
  ['delete', 'Delete', (it) => !it.protected],
];

class Card {
  constructor(name) {
    this.name = name;
    this.element = $('package').content.cloneNode(true).firstElementChild;
    this.element.dataset.name = name;
    this.buttons = new Map();
    this.find('.name').textContent = printable(name);
    for (const [action, label] of ACTIONS) this.button(action, label, () => act(this, action));
    const log = this.button('log', 'Log', () => toggleLog(this));
    log.setAttribute('aria-expanded', 'false');
    this.find('summary').setAttribute('aria-label', printable(`More of ${name}`));
    this.find('.log').setAttribute('aria-label', printable(`Log of ${name}`));
    this.find('progress').setAttribute('aria-label', printable(`How far ${name} is`));
  }

  find(selector) {
    return this.element.querySelector(selector);
  }

  button(action, label, pressed) {
    const button = node('button', label);
    button.type = 'button';
    button.dataset.action = action;
    button.setAttribute('aria-label', printable(`${label} ${this.name}`));
    button.addEventListener('click', () => {
      if (button.getAttribute('aria-disabled') !== 'true') pressed();
    });
    this.find('.buttons').append(button);
    this.buttons.set(action, button);
    return button;
  }

  /** Not `disabled`, which takes the focus away. */
  busy(isBusy) {
    for (const [action, button] of this.buttons) {
      if (action !== 'log') button.setAttribute('aria-disabled', String(isBusy));
    }
  }

  show(it) {
    const whole = JSON.stringify(it);
    if (whole === this.whole) return;
    this.whole = whole;
    this.shown = it;
    say(this.find('.version'), it.version);
    say(this.find('.status'), it.running && it.status !== 'error' ? 'running' : it.status);
    this.find('.status').dataset.is = it.status === 'error' ? 'error' : it.running ? 'running' : 'not';
    say(this.find('.since'), it.running_since === null ? null : `since ${time(it.running_since)}`);
    say(this.find('.description'), it.description);
    this.showDoing(it.pending[0]);
    const error = it.last_error;
    this.find('div.failed').hidden = error === null;
    if (error !== null) {
      const where = error.hook === null ? error.operation : `${error.operation}, hook ${error.hook}`;
      say(this.find('.failed-what'), `${where}${error.interrupted ? ' (interrupted)' : ''}: ${error.message}`);
      const place = error.location === null ? '' : `, ${error.location}`;
      say(this.find('.failed-where'), `${time(error.time)}, ${error.code}${place}`);
    }
    const notes = [...it.problems];
    if (it.wants_restart) notes.push('it can be started again only when the server was');
    if (it.protected) notes.push('it is protected: it can be neither stopped, disabled nor deleted');
    this.find('.problems').replaceChildren(...notes.map((note) => node('li', note)));
    this.find('.problems').hidden = notes.length === 0;
    this.showMore(it);
    const hadFocus = this.element.contains(document.activeElement) ? document.activeElement : null;
    for (const [action, , makesSense] of ACTIONS) this.buttons.get(action).hidden = !makesSense(it);
    this.buttons.get('log').hidden = hasLogs !== true;
    // The button that was pressed may make no sense any more.
    if (hadFocus?.hidden) this.focus();
  }

  focus() {
    const button = [...this.buttons.values()].find((it) => !it.hidden);
    (button ?? $('packages-title')).focus();
  }

  showDoing(pending) {
    this.find('.doing').hidden = pending === undefined;
    if (pending === undefined) return;
    const [step] = pending.steps;
    const how = pending.active ? 'goes on' : 'is not finished';
    const progress = pending.active ? pending.progress : null;
    const far = progress ? ` ${progress.done}${progress.total ? ` of ${progress.total}` : ''} ${progress.message}` : '';
    say(this.find('.doing-what'), `${pending.operation} ${how}${step ? `: ${step}` : ''}${far}`);
    const bar = this.find('progress');
    bar.hidden = !pending.active;
    if (progress?.total) bar.value = progress.done / progress.total;
    else bar.removeAttribute('value');
  }

  showMore(it) {
    const needs = Object.entries(it.dependencies).map(([name, version]) => `${name} ${version}`);
    const code = it.lifecycle && `${it.lifecycle.type} ${it.lifecycle.plugin_version}, ${path(it.lifecycle.plugin)}`;
    const facts = {
      Status: it.status,
      From: source(it.source),
      Folder: path(it.path),
      Data: path(it.data_dir),
      Code: code,
      Needs: needs.join(', '),
      Arguments: JSON.stringify(it.install_kwargs, null, 2),
    };
    const known = Object.entries(facts).filter(([, value]) => value);
    this.find('dl').replaceChildren(...known.flatMap(([what, value]) => [node('dt', what), node('dd', value)]));
  }
}

/** A path that is no text is an object. */
const path = (it) => (typeof it === 'string' ? it : it.path);

function source(it) {
  if (it.kind === 'git') return `${it.url}, commit ${it.commit}`;
  if (it.kind === 'link') return `${path(it.path)}, used where it lies`;
  return it.path === undefined ? it.kind : path(it.path);
}

function show(it) {
  let card = cards.get(it.name);
  if (card === undefined) {
    card = new Card(it.name);
    const after = [...cards.keys()].filter((name) => name > it.name).sort()[0];
    $('list').insertBefore(card.element, cards.get(after)?.element ?? null);
    cards.set(it.name, card);
  }
  card.show(it);
  $('none').hidden = true;
}

function showProgress(progress) {
  const card = cards.get(progress.name);
  const [pending] = card?.shown.pending ?? [];
  if (!pending) return;
  card.whole = null;
  card.showDoing({ ...pending, steps: [progress.step], active: true, progress });
}

function remove(name) {
  const card = cards.get(name);
  if (card === undefined) return;
  if (followed?.card === card) closeLog();
  const hadFocus = card.element.contains(document.activeElement);
  const next = card.element.nextElementSibling ?? card.element.previousElementSibling;
  card.element.remove();
  cards.delete(name);
  $('none').hidden = cards.size > 0;
  if (hadFocus) (cards.get(next?.dataset.name) ?? { focus: () => $('packages-title').focus() }).focus();
}

// Buttons.

async function act(card, action) {
  const { name } = card;
  let request = ['POST', `${packagePath(name)}/${action}`];
  if (action === 'delete') {
    const chosen = await askForDelete(name);
    if (chosen === null) return;
    request = ['DELETE', `${packagePath(name)}?${new URLSearchParams(chosen)}`];
  }
  const signal = session?.signal;
  dismiss();
  card.busy(true);
  try {
    const answer = await asked(...request, { signal });
    if (answer.package === null) remove(answer.name);
    else show(answer.package);
    tellDone(answer);
  } catch (error) {
    tell(error);
    // What failed changed the package, too.
    if (session) want(name, session.signal);
  } finally {
    card.busy(false);
  }
}

function askForDelete(name) {
  const dialog = $('delete-dialog');
  $('delete-name').textContent = printable(name);
  $('purge').checked = false;
  $('force').checked = false;
  dialog.returnValue = '';
  dialog.showModal();
  return new Promise((done) => {
    dialog.addEventListener('close', () => {
      const chosen = { purge: $('purge').checked, force: $('force').checked };
      done(dialog.returnValue === 'delete' ? chosen : null);
    }, { once: true });
  });
}

function chooseSource() {
  const isGit = $('add-form').elements.from.value === 'git';
  for (const [id, isChosen] of [['from-path', !isGit], ['from-git', isGit]]) {
    $(id).hidden = !isChosen;
    $(id).disabled = !isChosen;
  }
}

function clearAddErrors() {
  $('add-failed').replaceChildren();
  say($('kwargs-failed'), '');
  $('kwargs').removeAttribute('aria-invalid');
}

/** What is wrong with arguments; `null` if nothing is. */
function wrongWith(kwargs) {
  try {
    const value = JSON.parse(kwargs);
    const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
    return isObject ? null : 'this is no JSON object, expected one as {"port": 8080}';
  } catch (error) {
    return `this is no JSON: ${error.message}`;
  }
}

/** The body that adds what the form says. Arguments go as they are, so that no number is rounded. */
function addBody(kwargs) {
  let from = { path: $('path').value };
  if ($('add-form').elements.from.value === 'git') {
    from = { git_url: $('git-url').value.trim() };
    for (const key of ['branch', 'rev']) {
      if ($(key).value.trim() !== '') from[key] = $(key).value.trim();
    }
  }
  const rest = JSON.stringify({ source: from, start: $('start').checked }).slice(0, -1);
  return kwargs === '' ? `${rest}}` : `${rest},"install_kwargs":${kwargs}}`;
}

/** Which of the packages that are added the dialog waits for. */
let adding = null;

$('add').addEventListener('click', () => {
  clearAddErrors();
  $('add-dialog').showModal();
  $('add-form').elements.from.value === 'git' ? $('git-url').focus() : $('path').focus();
});
$('add-cancel').addEventListener('click', () => $('add-dialog').close());
$('add-dialog').addEventListener('close', () => {
  adding = null;
  say($('add-doing'), '');
  $('add-submit').setAttribute('aria-disabled', 'false');
});
for (const radio of $('add-form').elements.from) radio.addEventListener('change', chooseSource);
$('add-form').addEventListener('submit', async (event) => {
  event.preventDefault();
  if (adding !== null) return;
  clearAddErrors();
  const kwargs = $('kwargs').value.trim();
  const wrong = kwargs === '' ? null : wrongWith(kwargs);
  if (wrong !== null) {
    say($('kwargs-failed'), wrong);
    $('kwargs').setAttribute('aria-invalid', 'true');
    $('kwargs').focus();
    return;
  }
  const ours = {};
  adding = ours;
  say($('add-doing'), 'It is being added. That goes on if you leave this dialog.');
  $('add-submit').setAttribute('aria-disabled', 'true');
  const signal = session?.signal;
  try {
    const answer = await asked('POST', '/v1/packages', { body: addBody(kwargs), signal });
    if (answer.package !== null) show(answer.package);
    tellDone(answer);
    if (adding === ours) {
      $('add-form').reset();
      chooseSource();
      $('add-dialog').close();
    }
  } catch (error) {
    if (adding === ours) tell(error, $('add-failed'));
    else tell(error);
    // It may be on record all the same, and in error.
    if (session) want(null, session.signal);
  } finally {
    if (adding === ours) {
      adding = null;
      say($('add-doing'), '');
      $('add-submit').setAttribute('aria-disabled', 'false');
    }
  }
});

// Logs.

const logPath = (name, rest) => `${packagePath(name)}/logs?${rest}`;

async function lookForLogs(name, signal) {
  try {
    const answer = await ask('GET', logPath(name, 'lines=1'), { signal });
    answer.body?.cancel();
    hasLogs = true;
  } catch (error) {
    // There may be none of this package yet.
    if (error.status !== 404) return;
    hasLogs = error.code !== 'unknown-route';
  }
  for (const card of cards.values()) card.buttons.get('log').hidden = !hasLogs;
}

function closeLog() {
  if (followed === null) return;
  const { card, end } = followed;
  followed = null;
  end.abort();
  card.find('.log').hidden = true;
  card.find('.log').replaceChildren();
  card.buttons.get('log').setAttribute('aria-expanded', 'false');
}

async function toggleLog(card) {
  const wasOpen = followed?.card === card;
  closeLog();
  if (wasOpen) return;
  const end = new AbortController();
  followed = { card, end };
  card.buttons.get('log').setAttribute('aria-expanded', 'true');
  const log = card.find('.log');
  log.hidden = false;
  while (!end.signal.aborted) {
    try {
      const stream = await open(logPath(card.name, 'lines=200&follow=true'), end.signal);
      log.replaceChildren();
      for await (const { type, data } of events(stream)) {
        if (end.signal.aborted) return;
        if (type === 'line' || type === 'message') append(log, data);
      }
    } catch (error) {
      if (end.signal.aborted) return;
      if (error.status === 401) return tell(error);
      log.replaceChildren(node('div', error.message));
    }
    // It ended, as it does with the server.
    await pause(POLL);
  }
}

/** A line more; the view stays where it is, unless that is the end. */
function append(log, line) {
  const isAtEnd = log.scrollHeight - log.scrollTop - log.clientHeight < 40;
  log.append(node('div', line));
  while (log.childElementCount > LOG_LINES) log.firstElementChild.remove();
  if (isAtEnd) log.scrollTop = log.scrollHeight;
}

begin();

// What this browser remembers, in localStorage under `fastx.`. Never a secret. Without storage, nothing is remembered.

/** How many recent commands are kept for each user: as many as fit the start dialog without scrolling. */
const RECENT_COMMANDS_COUNT_MAX = 5;

export function read(name, otherwise) {
  try {
    const text = localStorage.getItem(`fastx.${name}`);
    return text === null ? otherwise : text;
  } catch {
    return otherwise;
  }
}

export function write(name, text) {
  try {
    if (text === null) localStorage.removeItem(`fastx.${name}`);
    else localStorage.setItem(`fastx.${name}`, text);
  } catch {
    // Storage is full or forbidden: the page works without it.
  }
}

export function recentCommands(user) {
  try {
    const list = JSON.parse(read(`commands.${user}`, '[]'));
    return Array.isArray(list) ? list.filter((command) => typeof command === 'string') : [];
  } catch {
    return [];
  }
}

export function rememberCommand(user, command) {
  const others = recentCommands(user).filter((other) => other !== command);
  write(`commands.${user}`, JSON.stringify([command, ...others].slice(0, RECENT_COMMANDS_COUNT_MAX)));
}

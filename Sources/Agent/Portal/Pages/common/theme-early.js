// Sets the chosen theme before the first paint. A classic script, because modules run after it. See theme.js.
try {
  const theme = localStorage.getItem('fastx.theme');
  if (theme === 'light' || theme === 'dark') document.documentElement.dataset.theme = theme;
} catch {
  // Storage is forbidden: the system's theme is used.
}

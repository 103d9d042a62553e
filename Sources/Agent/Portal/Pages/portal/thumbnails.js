// Refreshes the thumbnails of the cards that are on screen, while the page is visible.

const REFRESH_MILLISECONDS = 10_000;

/** How many pictures are asked for at a time, so that the user's own actions find a free connection. */
const PARALLEL_COUNT_MAX = 3;

export class Thumbnails {
  onScreen = new Set();
  waiting = new Set();
  loadingCount = 0;

  constructor() {
    this.observer = new IntersectionObserver((entries) => {
      for (const { target, isIntersecting } of entries) {
        if (!isIntersecting) this.onScreen.delete(target);
        else if (!this.onScreen.has(target)) {
          this.onScreen.add(target);
          this.ask(target);
        }
      }
    }, { rootMargin: '100px' });
    this.abort = new AbortController();
    document.addEventListener('visibilitychange', () => this.refresh(), { signal: this.abort.signal });
    this.timer = setInterval(() => this.refresh(), REFRESH_MILLISECONDS);
  }

  watch(card) {
    this.observer.observe(card);
  }

  stop() {
    this.observer.disconnect();
    this.abort.abort();
    clearInterval(this.timer);
    this.waiting.clear();
  }

  refresh() {
    if (document.visibilityState === 'visible') this.onScreen.forEach((card) => this.ask(card));
  }

  ask(card) {
    this.waiting.add(card);
    this.next();
  }

  async next() {
    if (this.loadingCount >= PARALLEL_COUNT_MAX || this.waiting.size === 0) return;
    const [card] = this.waiting;
    this.waiting.delete(card);
    this.loadingCount += 1;
    await card.loadThumbnail();
    this.loadingCount -= 1;
    this.next();
  }
}

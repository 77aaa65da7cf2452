// Keeps a scrolling list at its end: as it grows, and as its own box shrinks because something
// appears below it. A reader who scrolled up is left alone.

export class FollowEnd {
  #box;
  #slack;
  #height;
  #following = true;

  /** `slack`: pixels from the end that still count as the end. */
  constructor(box, slack) {
    this.#box = box;
    this.#slack = slack;
    this.#height = box.clientHeight;
    box.addEventListener("scroll", () => this.#scrolled());
    new ResizeObserver(() => this.#resized()).observe(box);
  }

  /** Call after the content has grown. */
  grown() {
    if (this.#following) this.#box.scrollTop = this.#box.scrollHeight;
  }

  /** Go to the end and stay there. */
  restart() {
    this.#following = true;
    this.grown();
  }

  #scrolled() {
    const { scrollHeight, scrollTop, clientHeight } = this.#box;
    // Measured in a new height, an earlier scroll would look like the reader's: the observer, which
    // comes later in the same frame, settles it.
    if (clientHeight !== this.#height) return;
    this.#following = scrollHeight - scrollTop - clientHeight < this.#slack;
  }

  #resized() {
    this.#height = this.#box.clientHeight;
    this.grown();
  }
}

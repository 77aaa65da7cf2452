// Two quiet wave lines beside the Talk button: what the microphone hears flows towards it, what
// the model says flows away from it. Drawn only while there is something to draw.

const BAR = 3;
const GAP = 3;
const STEP_MS = 50;

class Wave {
  #canvas;
  #towards;
  #levels = [];
  #drawn = "";

  constructor(canvas, towards) {
    this.#canvas = canvas;
    this.#towards = towards;
  }

  push(level) {
    this.#levels.push(level);
    const room = Math.ceil(this.#canvas.clientWidth / (BAR + GAP));
    this.#levels.splice(0, Math.max(0, this.#levels.length - room));
  }

  draw() {
    const { clientWidth: width, clientHeight: height } = this.#canvas;
    const colour = getComputedStyle(this.#canvas).color;
    const state = `${width}x${height}${colour}${this.#levels.map((level) => level.toFixed(2))}`;
    if (state === this.#drawn || width === 0) return;
    this.#drawn = state;
    const scale = devicePixelRatio || 1;
    this.#canvas.width = Math.round(width * scale);
    this.#canvas.height = Math.round(height * scale);
    const pen = this.#canvas.getContext("2d");
    pen.scale(scale, scale);
    pen.fillStyle = colour;
    const bars = Math.floor(width / (BAR + GAP));
    for (let i = 0; i < bars; i += 1) {
      const level = this.#levels.at(-1 - i) ?? 0;
      const tall = Math.max(BAR, level * height * 0.92);
      const x = this.#towards ? i * (BAR + GAP) : width - BAR - i * (BAR + GAP);
      pen.globalAlpha = level > 0.02 ? 0.35 + 0.65 * (1 - i / bars) : 0.22;
      pen.beginPath();
      pen.roundRect(x, (height - tall) / 2, BAR, tall, BAR / 2);
      pen.fill();
    }
  }
}

export class LevelsView {
  #you;
  #assistant;
  #last = 0;

  /** @param {{you: () => number, assistant: () => number}} sources levels, 0 to 1 */
  constructor(sources, { you, assistant }) {
    this.sources = sources;
    this.#you = new Wave(you, false);
    this.#assistant = new Wave(assistant, true);
    requestAnimationFrame((now) => this.#frame(now));
  }

  #frame(now) {
    if (now - this.#last >= STEP_MS) {
      this.#last = now;
      for (const [wave, source] of [
        [this.#you, this.sources.you],
        [this.#assistant, this.sources.assistant],
      ]) {
        wave.push(source());
        wave.draw();
      }
    }
    requestAnimationFrame((later) => this.#frame(later));
  }
}

// What all classes of this library share: `on(type, listener)`, which answers a function that
// takes the listener off again. A listener that throws stops nothing: the platform reports it.

export class Talker extends EventTarget {
  /** @param {string} type  @param {(detail: any) => void} listener  @returns {() => void} */
  on(type, listener) {
    const hear = ({ detail }) => listener(detail);
    this.addEventListener(type, hear);
    return () => this.removeEventListener(type, hear);
  }

  _tell(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}

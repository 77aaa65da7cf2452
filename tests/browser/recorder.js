// Runs before the page's own code in every test: writes down what is sent to the loudspeaker,
// sample by sample, and every WebSocket event, all on the audio clock of the page's own context.
// The page knows nothing of it. The tests read `window.__recording`.
(() => {
  const recording = { blocks: [], events: [], violations: [], rate: 0, tapped: 0 };
  window.__recording = recording;
  let context = null;

  document.addEventListener("securitypolicyviolation", (event) => {
    recording.violations.push(`${event.violatedDirective}: ${event.blockedURI}`);
  });

  const connect = AudioNode.prototype.connect;
  AudioNode.prototype.connect = function (target, ...rest) {
    if (target instanceof AudioDestinationNode) tap(this);
    return connect.call(this, target, ...rest);
  };

  const loaded = new WeakMap();
  function tap(node) {
    context = node.context;
    recording.rate = context.sampleRate;
    recording.tapped += 1;
    if (!loaded.has(context)) loaded.set(context, context.audioWorklet.addModule("/test-recorder-worklet.js"));
    loaded.get(context).then(() => {
      const recorder = new AudioWorkletNode(node.context, "test-recorder", { numberOfOutputs: 0 });
      recorder.port.onmessage = ({ data }) => recording.blocks.push(data);
      connect.call(node, recorder);
    });
  }

  const note = (way, text) => {
    const event = JSON.parse(text);
    recording.events.push({ way, at: context ? context.currentTime : 0, wall: performance.now(), event });
  };
  const Native = window.WebSocket;
  window.WebSocket = class extends Native {
    constructor(...words) {
      super(...words);
      this.addEventListener("message", ({ data }) => note("received", data));
    }
    send(data) {
      note("sent", data);
      super.send(data);
    }
  };
})();

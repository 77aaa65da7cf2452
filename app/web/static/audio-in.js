export { listDevices } from "./relay-client/relay-client.js"; // for the settings panel

// Types of relay-client.js. Events are the API's own, in the dialect that was chosen: their fields
// are not repeated here, because the relay never renames one.

export interface RelayEvent {
  type: string;
  event_id?: string;
  [field: string]: any;
}

/** Takes a listener off again. */
export type Off = () => void;

export type EndReason =
  | "client_closed" | "session_time_limit" | "protocol_error" | "binary" | "invalid_text"
  | "policy_violation" | "message_too_big" | "internal_error" | "draining"
  | "upstream_lost" | "upstream_unavailable" | "credential_unavailable" | "slow_client"
  | "idle_timeout" | "rate_limited" | "too_many_sessions" | "slow_upstream" | "store_unavailable"
  | "unauthenticated" | "identity_expired" | "revoked" | "budget_spent" | "replaced"
  | "ended_by_operator" | "forbidden" | "upstream_refused"
  /** No close frame came: the network broke. */
  | "connection_lost"
  /** POST /tickets did not answer, or answered without a ticket. */
  | "unreachable" | "ticket_refused"
  /** Your `ticket` or `token` threw: see `cause`. */
  | "no_credential"
  /** The connection was accepted, but no session began within 25 s. */
  | "no_session"
  /** The ticket or the address is none. */
  | "unusable"
  /** A code that this version does not know. */
  | "unknown";

/** Why a session, or the attempt at one, ended. */
export interface Ending {
  reason: EndReason;
  /** The close code; 0 where there was no connection to close. */
  code: number;
  /** What happened, and what to do about it, for a person. */
  title: string;
  remedy: string;
  /** Whether the relay's rules allow to try again by itself. */
  retry: boolean;
  /** What the relay asked to wait, or null. */
  retryAfterMs: number | null;
  /** In state "waiting": the pause until the next attempt. */
  pauseMs?: number;
  /** What your own function threw, or what the browser did. */
  cause?: unknown;
}

export interface Ticket {
  value: string;
  expires_at?: number;
  session?: Record<string, any>;
  relay?: Record<string, any>;
}

type Giver<T> = T | (() => T | Promise<T>);

export interface RelaySocketOptions {
  /** The relay's address (https, or http on localhost), with a prefix where a proxy has one.
   *  Default: where the page came from. */
  url?: string;
  /** A fresh ticket for each attempt, usually from your own server. Or give `token`. */
  ticket?: () => string | Ticket | Promise<string | Ticket>;
  /** The user's own credential, shown to the relay's POST /tickets for each attempt. */
  token?: Giver<string>;
  /** A fresh token or ticket of the same user when the sign-in runs out. Default: a fresh ticket. */
  identity?: () => string | Promise<string>;
  /** Which spelling of events you speak. Default: "preview". */
  dialect?: "preview" | "ga";
  /** A model alias of the operator. */
  model?: string;
  /** Attempts after the first one; 0 for none. Default: 6. */
  tries?: number;
  /** A WebSocket class with the browser's interface, where there is none (Node 20: `ws`). */
  WebSocket?: new (url: string, protocols: string[]) => any;
  fetch?: (url: string, init: RequestInit) => Promise<Response>;
}

export type SocketState = "idle" | "ticket" | "connecting" | "ready" | "waiting" | "ended";

/** What RelaySocket tells beside the relay's own events. None of the API's types has these names. */
export interface SocketNews {
  /** Every event of the relay. */
  "*": RelayEvent;
  state: { state: SocketState; why: Ending | null };
  /** A ticket came: the answer of POST /tickets, or yours, without its value. */
  ticket: Omit<Ticket, "value">;
  /** An event went out (proofs of identity are not shown). */
  sent: RelayEvent;
  /** The sign-in was renewed until `expiresAt` (Unix seconds; null: for good), or why not. */
  identity: { expiresAt: number | null; error: unknown };
}

export class RelaySocket implements AsyncIterable<RelayEvent> {
  constructor(options: RelaySocketOptions);
  readonly state: SocketState;
  readonly why: Ending | null;
  readonly session: Record<string, any> | null;
  readonly skewMs: number;
  readonly congested: boolean;
  readonly closed: Promise<Ending>;
  /** Rejects with an Ending. */
  connect(): Promise<void>;
  send(event: RelayEvent): boolean;
  on<T extends keyof SocketNews>(type: T, listener: (news: SocketNews[T]) => void): Off;
  on(type: string, listener: (event: RelayEvent) => void): Off;
  renewIdentity(): Promise<void>;
  close(): Promise<Ending>;
  [Symbol.asyncIterator](): AsyncIterableIterator<RelayEvent>;
}

/** Something that went wrong with sound, in words for a person. */
export class Problem extends Error {
  readonly remedy: string;
  readonly kind: string;
}

export interface SoundContextOptions extends AudioContextOptions {
  /** Where the worklet files are, when a bundler has moved this module away from them. */
  worklets?: string | URL;
}

export class SoundContext {
  constructor(options?: SoundContextOptions);
  static readonly shared: SoundContext;
  readonly context: AudioContext | null;
  readonly state: AudioContextState | "none";
  readonly latency: number;
  readonly canChoose: boolean;
  open(): Promise<void>;
  resume(): Promise<boolean>;
  close(): Promise<void>;
  choose(sinkId: string): Promise<void>;
  on(type: "state", listener: (news: { state: AudioContextState | "none" }) => void): Off;
}

export type AudioFormat = "pcm16" | "g711_ulaw" | "g711_alaw";

/** What AudioIn and AudioOut need of a relay; a RelaySocket has it. */
export interface RelayLike {
  readonly session: Record<string, any> | null;
  send(event: RelayEvent): boolean;
  on(type: string, listener: (event: any) => void): Off;
}

export interface AudioInOptions {
  /** Frames are sent to it. Without one, listen to "frame". */
  relay?: RelayLike | null;
  sound?: SoundContext;
  /** Default: what the session says. */
  format?: AudioFormat | null;
}

export interface Frame {
  /** 40 ms in `format`. */
  audio: ArrayBuffer;
  /** The loudest sample: 0 to 1. */
  peak: number;
  format: AudioFormat;
  ms: number;
}

export class AudioIn {
  constructor(options?: AudioInOptions);
  mode: "talk" | "hold" | "off";
  muted: boolean;
  readonly running: boolean;
  readonly holding: boolean;
  readonly format: AudioFormat;
  readonly level: number;
  readonly label: string;
  readonly deviceId: string;
  /** Rejects with a Problem. */
  open(options?: { deviceId?: string; stream?: MediaStream | null }): Promise<void>;
  close(): void;
  press(): void;
  release(): Promise<boolean>;
  appendSilence(ms: number): boolean;
  on(type: "frame", listener: (frame: Frame) => void): Off;
  on(type: "lost", listener: (problem: Problem) => void): Off;
}

export interface AudioOutOptions {
  /** Its answers are played, and told what was heard. Without one, call `play`. */
  relay?: RelayLike | null;
  sound?: SoundContext;
}

export interface Unheard {
  item: string;
  heardMs: number;
  receivedMs: number;
}

export class AudioOut {
  constructor(options?: AudioOutOptions);
  volume: number;
  readonly busy: boolean;
  readonly level: number;
  /** Rejects with a Problem. */
  open(): Promise<void>;
  play(item: string, audio: string | ArrayBuffer, format?: AudioFormat): void;
  end(item: string): void;
  clear(): Promise<Unheard[]>;
  interrupt(): Promise<Unheard[]>;
  heardMs(item: string): number;
  on(type: "started" | "starved", listener: (news: { item: string }) => void): Off;
  on(type: "progress" | "interrupted", listener: (news: Unheard) => void): Off;
  on(type: "finished", listener: (news: { item: string; heardMs: number }) => void): Off;
}

export function listDevices(): Promise<{ microphones: MediaDeviceInfo[]; speakers: MediaDeviceInfo[] }>;
export function explainClose(
  code: number,
  text?: string,
  error?: { code?: string; message?: string; retry_after_ms?: number } | null,
): Ending;

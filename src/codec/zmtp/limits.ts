/** What one peer may make us hold. Each limit is checked before anything is allocated for what it bounds. */
export interface ZmtpLimits {
  /** Bytes of one message, all of its frames together. */
  readonly maxMessageBytes: number;
  /** Frames of one message. */
  readonly maxFrames: number;
  /** Bytes of one command; a subscription's topic is part of one. */
  readonly maxCommandBytes: number;
}

/** 100 MiB a message, as Salt's own readers take; 64 frames; 4 KiB a command. */
export const DEFAULT_ZMTP_LIMITS: ZmtpLimits = {
  maxMessageBytes: 100 * 1024 * 1024,
  maxFrames: 64,
  maxCommandBytes: 4096,
};

/** Properties that a READY command may have; libzmq 4.3.5 sends two. */
export const MAX_PROPERTIES = 16;

// Something that went wrong with sound, in words for a person: what happened (`message`), what to
// do about it (`remedy`), and `kind` for code.

export class Problem extends Error {
  constructor(title, remedy = "", kind = "problem", cause = undefined) {
    super(title, { cause });
    this.name = "Problem";
    this.remedy = remedy;
    this.kind = kind;
  }
}

const MICROPHONE = {
  NotAllowedError: [
    "The microphone is blocked.",
    "Allow it: the icon left of the address opens the site's permissions. On a Mac also look at System Settings, Privacy, Microphone.",
  ],
  NotFoundError: ["No microphone was found.", "Plug one in or switch one on, then try again."],
  NotReadableError: [
    "The microphone cannot be opened.",
    "Another program may be using it. Close that program, or choose another microphone.",
  ],
  OverconstrainedError: ["The chosen microphone is gone.", "Choose another one."],
  SecurityError: ["The browser forbids the microphone here.", "Open the page over https or on localhost."],
};

/** @returns {Problem} what a failed getUserMedia means */
export function explainMicrophone(error) {
  if (error instanceof Problem) return error;
  const [title, remedy] = MICROPHONE[error?.name] ?? [
    "The microphone did not start.",
    `The browser says: ${error?.message || error}.`,
  ];
  return new Problem(title, remedy, error?.name, error);
}

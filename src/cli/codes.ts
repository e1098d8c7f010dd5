import { type ErrorCode, errorCodes } from '../errors.ts'
import { type Explanation, explanations } from './explanations.ts'

/** A code with all there is to say of it. */
export interface Code extends Explanation {
  readonly code: string
  /** A sentence of what happened. */
  readonly meaning: string
  /** How a server answers with it. */
  readonly status?: number
}

/** Everything about a code, offline; undefined for a word that is none. */
export function codeOf(word: string): Code | undefined {
  if (Object.hasOwn(errorCodes, word)) {
    const code = word as ErrorCode
    return { code, ...errorCodes[code], ...explanations[code] }
  }
  return Object.hasOwn(own, word) ? { code: word, ...own[word as keyof typeof own] } : undefined
}

/** Every code: those of the server, and those of the command line. */
export function everyCode(): Code[] {
  return [...Object.keys(errorCodes), ...Object.keys(own)].flatMap(word => codeOf(word) ?? [])
}

/** Codes that only the command line has. */
const own = {
  usage: {
    meaning: 'The command line is not right.',
    why: 'A word or an option is misspelt, missing or one too many.',
    todo: 'See what the command takes, with examples: the same words with --help.',
  },
  not_logged_in: {
    meaning: 'There is no token for this server.',
    why: 'Nobody logged in to it here, or SLIPWAY_URL or --url names another server than the one you logged in to: a token goes nowhere else.',
    todo: 'Log in: slipway login. In CI set SLIPWAY_URL and SLIPWAY_TOKEN. See where values come from: slipway config --sources.',
  },
  no_job_token: {
    meaning: 'The CI job got no token to log in with.',
    why: 'The job may not ask for one, or whoever gives them did not answer.',
    todo: 'In GitHub Actions give the job: permissions: { id-token: write }.',
  },
  no_terminal: {
    meaning: 'Something has to be asked, and there is no terminal.',
    why: 'Input is a pipe or a file, or the command runs in CI, where nobody can answer.',
    todo: 'Give the answer with the command: the option is named.',
  },
  ambiguous: {
    meaning: 'A name or the end of an id fits several things.',
    why: 'Several tenants use the same name, or too little of the id was typed.',
    todo: 'Type more of it: tenant/name, or the whole id.',
  },
  bad_count: {
    meaning: 'What should be a service and a number is none.',
    why: 'Replicas are given by service.',
    todo: 'Write SERVICE=COUNT: slipway instances scale INSTANCE web=3.',
  },
  bad_option: {
    meaning: 'An option of a strategy is not a name and a value.',
    why: 'There is no = in it, or its value is not of its form.',
    todo: 'Write NAME=VALUE: --option hold-seconds=30. docs/strategies.md has the options of each strategy.',
  },
  bad_retries: {
    meaning: 'SLIPWAY_RETRIES is not a number.',
    why: 'It says how often a call is repeated that may be.',
    todo: 'Set it to a number such as 0 or 5, or take it away.',
  },
  bad_time: {
    meaning: 'What should be a time is none.',
    why: 'Times are given as how long ago, or in the form of RFC 3339.',
    todo: 'Write 15m, 2h or 7d, or 2026-11-24T12:00:00Z.',
  },
  bad_url: {
    meaning: 'The address of the server is none.',
    why: 'It has no http:// or https:// in front, or is misspelt.',
    todo: 'See where it comes from: slipway config --sources. It looks like http://127.0.0.1:7420.',
  },
  config_malformed: {
    meaning: 'The file with your contexts is not as Slipway writes it.',
    why: 'Somebody changed it by hand, or it is another file: see SLIPWAY_CONFIG.',
    todo: 'Mend it, or remove it and log in again: slipway login.',
  },
  config_unreadable: {
    meaning: 'The file with your contexts can not be read.',
    why: 'It belongs to another user, often because a command ran with sudo once.',
    todo: 'Give it back to yourself with chown, and keep its mode 0600.',
  },
  config_unwritable: {
    meaning: 'The file with your contexts can not be written.',
    why: 'Its folder belongs to another user, is read-only, or the disk is full.',
    todo: 'Mend the folder, or name another file in SLIPWAY_CONFIG.',
  },
  unknown_context: {
    meaning: 'There is no context of this name.',
    why: 'It is misspelt, or was made by another user or on another machine.',
    todo: 'See those there are: slipway context list. Make it: slipway login --url URL --name NAME.',
  },
  contradiction: {
    meaning: 'Two options say the opposite of each other.',
    why: 'Both were given, and only one can be meant.',
    todo: 'Leave one out.',
  },
  nothing_to_change: {
    meaning: 'Nothing is named that should change.',
    why: 'A command that changes something says what by options, and none was given.',
    todo: 'See its options with --help.',
  },
  empty_value: {
    meaning: 'The value of a secret is empty.',
    why: 'The pipe or the file it comes from is empty: often the command before the pipe failed.',
    todo: 'Look at what feeds it; in a script, set -o pipefail tells.',
  },
  not_text: {
    meaning: 'The value of a secret is not text.',
    why: 'Values become environment variables, which are text; this is something else, such as a key in binary form.',
    todo: 'Encode it, for example with base64, and decode it in the program.',
  },
  file_unreadable: {
    meaning: 'A file that was named can not be read as what it is for.',
    why: 'Its name is misspelt, it belongs to another user, or its contents are of another form.',
    todo: 'Mend the name or the file. Names are taken from the folder you are in.',
  },
  unreadable: {
    meaning: 'A file that was found can not be read.',
    why: 'It belongs to another user, or is damaged.',
    todo: 'Mend it, or name another one.',
  },
  not_written: {
    meaning: 'A file could not be written.',
    why: 'The folder is not yours, is read-only, or the disk is full.',
    todo: 'Mend the folder, and do it again.',
  },
  no_image: {
    meaning: 'A deploy does not say what to bring out.',
    why: 'Neither an image nor a project file was named.',
    todo: 'Name an image (--image SERVICE=IMAGE) or a file (-f slipway.yaml).',
  },
  which_service: {
    meaning: 'An image is for one service, and the instance has several.',
    why: '--image IMAGE without a name is enough only where there is one service.',
    todo: 'Name it: --image SERVICE=IMAGE.',
  },
  nothing_found: {
    meaning: 'There is nothing to make a project file of.',
    why: 'The folder has no compose file and no package.json that says what to run.',
    todo: 'Say what to run: slipway init --name NAME --image IMAGE --command COMMAND.',
  },
  nothing_to_start: {
    meaning: 'The package says nothing of how it is started.',
    why: 'Its package.json has no script "start".',
    todo: 'Add one, or name the command: slipway init --command COMMAND.',
  },
  connection_unreachable: {
    meaning: 'The server could not be reached.',
    why: 'It is not up, listens elsewhere, or a firewall, a proxy or TLS stands in between.',
    todo: 'Look: slipway doctor. Start one here: slipway up.',
  },
  connection_timeout: {
    meaning: 'The server did not answer in time.',
    why: 'It is overloaded, or something in between swallows what is sent.',
    todo: 'Look: slipway doctor. Asking again is safe: what was done once is not done twice.',
  },
  connection_cut: {
    meaning: 'The connection broke before the answer was whole.',
    why: 'The server was ended, or something in between cut it.',
    todo: 'Look whether it was done, then ask again.',
  },
  connection_malformed: {
    meaning: 'What answered does not speak as Slipway does.',
    why: 'Another program listens at this address, or a proxy answered in its place.',
    todo: 'See which address it is and where it comes from: slipway config --sources.',
  },
  not_a_problem: {
    meaning: 'Somebody refused the request, and it was not Slipway.',
    why: 'Another program listens at this address, or a proxy in front of the server answered in its place.',
    todo: 'See which address it is: slipway config --sources. Then look at the proxy.',
  },
  interrupted: {
    meaning: 'The command was interrupted by Ctrl-C or a signal.',
    why: 'Somebody pressed it, or ended the terminal or the job.',
    todo: 'It says whether something was done. A deployment goes on: slipway watch DEPLOYMENT, or stop it with slipway cancel DEPLOYMENT.',
  },
} as const satisfies Readonly<Record<string, Explanation & { readonly meaning: string }>>

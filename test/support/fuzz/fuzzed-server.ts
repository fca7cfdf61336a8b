import { RealtimeEvents } from '../../../src/index.js';
import { TestClient } from '../../../src/testing/index.js';
import type { AnyFrame, ManualClock } from '../../../src/testing/index.js';
import { errorCodeTable } from '../../../src/protocol/index.js';
import { startChatWithClock } from '../chat-server.js';
import type { ChatServer } from '../chat-server.js';
import { RawWebSocket, clientFrame } from '../raw-websocket.js';
import type { RawMessage } from '../raw-websocket.js';
import { until, within } from '../within.js';
import { dueFor } from './frames.js';
import type { FuzzedFrame } from './frames.js';
import { FuzzedGateway, FuzzedTextGateway } from './fuzz.gateways.js';
import { overTheWire } from './texts.js';
import { isForbidden, wireBytes } from './wire-bytes.js';
import type { WireFrame } from './wire-bytes.js';

const CLOSE = 8;
const ANSWERS: ReadonlySet<string> = new Set(['ack', 'error', 'joined', 'left', 'history', 'presence', 'pong']);
const ROOMS = ['general', 'a', 'b', 'c'];

/**
 * A server that takes fuzzed input in batches. After each batch somebody else is still served, nothing has failed that
 * the server did not expect, and no connection is left. Its time is moved by 3 s then: users have left, and ids expire.
 */
export class FuzzedServer {
  /** What went wrong inside, though somebody was answered. */
  private readonly surprises: string[] = [];
  private batches = 0;

  private constructor(
    private readonly chat: ChatServer,
    private readonly clock: ManualClock,
    private readonly witness: TestClient,
  ) {
    const events = chat.server.app.get(RealtimeEvents, { strict: false });
    const note = (what: string, error: unknown): void =>
      void this.surprises.push(`${what}: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
    events.on('taskFailed', ({ task, error }) => note(task, error));
    events.on('hookFailed', ({ hook, error }) => note(hook, error));
    events.on('frameFailed', (event) => {
      if ('error' in event) note(`frame "${event.type}"`, event.error);
    });
  }

  static async start(): Promise<FuzzedServer> {
    const { chat, clock } = await startChatWithClock(
      { auth: { allowAnonymous: true }, historySize: 100, historyTtlMs: 60_000, handshake: { maxLoopLagMs: 0 } },
      { gateways: [FuzzedGateway, FuzzedTextGateway] },
    );
    const witness = await TestClient.connect(`${chat.url}/ws/fuzz/witness`);
    await witness.next('joined');
    return new FuzzedServer(chat, clock, witness);
  }

  /** Sends messages over one connection to a JSON gateway; FR5 holds for each, or the connection is closed with a code. */
  async takeFrames(frames: readonly FuzzedFrame[]): Promise<void> {
    const room = ROOMS[this.batches % ROOMS.length]!;
    const token = this.chat.token('fuzzer');
    const anonymous = this.batches % 3 === 0;
    const client = await TestClient.connect(
      `${this.chat.url}/ws/fuzz/${room}`,
      anonymous ? { query: { name: 'x' } } : { token },
    );
    const inRoom = (frame: AnyFrame): boolean => frame.type === 'joined' && frame.room === room;
    const { cursor } = await client.next<{ cursor: string }>(inRoom);
    const before = client.received.length;
    const sent = frames.map(({ text, binary }) => ({
      text: text.replaceAll('$EPOCH', cursor.split('.')[0]!).replaceAll('$TOKEN', token),
      binary,
    }));
    for (const { text, binary } of sent) client.ws.send(binary ? Buffer.from(text) : text, { binary });
    const answers = (): readonly AnyFrame[] => client.received.slice(before).filter(({ type }) => ANSWERS.has(type));
    await until('every frame is answered', () => !client.isOpen || missing(sent, answers()).length === 0).catch(() => {
      throw new Error(`no answer: ${shown(missing(sent, answers()))}`);
    });
    const { code } = client.isOpen ? await client.close() : await client.closed();
    if (code !== 1000 || surplus(sent, answers()).length > 0 || answers().some((frame) => !isKnown(frame))) {
      const unknown = answers().filter((frame) => !isKnown(frame));
      throw new Error(
        `closed with ${code}; too many answers ${shown(surplus(sent, answers()))}, strange ones ${shown(unknown)} to ${shown(sent)}`,
      );
    }
    await this.goesOn();
  }

  /** Sends texts to a text gateway, which sends each back. */
  async takeTexts(texts: readonly string[]): Promise<void> {
    const client = await TestClient.connect(`${this.chat.url}/ws/fuzzed-texts/a`);
    for (const text of texts) client.sendText(text);
    for (const text of texts) {
      const came = await client.nextText();
      if (came !== overTheWire(text)) throw new Error(`expected ${shown(text)} back, got ${shown(came)}`);
    }
    await client.close();
    await this.goesOn();
  }

  /** Sends requests at once, each over a connection of its own; each is answered, and what is upgraded can be closed. */
  async takeRequests(requests: readonly string[]): Promise<void> {
    const { url } = this.chat;
    const token = this.chat.token('fuzzer');
    await Promise.all(
      requests.map(async (request) => {
        const text = request.replaceAll('$TOKEN', token).replaceAll('$HOST', new URL(url).host);
        const socket = RawWebSocket.sendBytes(url, Buffer.from(text, 'latin1'));
        try {
          const { status } = await socket.answer();
          if (!(status < 600) || status === 500) throw new Error(`answered with status ${status}`);
          if (status === 101) {
            socket.write(clientFrame(Buffer.from([3, 232]), CLOSE));
            while ((await socket.next()).opcode !== CLOSE);
          }
        } catch (error) {
          throw new Error(`${(error as Error).message}: ${shown(text)}`, { cause: error });
        } finally {
          socket.destroy();
        }
      }),
    );
    await this.goesOn();
  }

  /** Writes WebSocket frames, each list over a connection of its own; what RFC 6455 forbids is closed with a code. */
  async takeWire(lists: readonly (readonly WireFrame[])[]): Promise<void> {
    await Promise.all(
      lists.map(async (frames, nth) => {
        const path = nth % 4 === 0 ? '/ws/fuzzed-texts/a' : '/ws/fuzz/a';
        const socket = RawWebSocket.send(this.chat.url, { path, early: [] });
        const { status } = await socket.answer();
        if (status !== 101) throw new Error(`expected 101, got ${status}`);
        socket.write(Buffer.concat(frames.map(wireBytes)));
        const codes = (await socket.finish()).filter(({ opcode }) => opcode === CLOSE).map(codeOf);
        const told = codes.length === 1 && [1002, 1007, 1009].includes(codes[0]!);
        if (codes.some((code) => code < 1000 || code > 4999) || (isForbidden(frames[0]!) && !told)) {
          throw new Error(
            `close codes ${codes.join()} for ${shown(frames.map((f) => ({ ...f, payload: f.payload.toString('latin1') })))}`,
          );
        }
      }),
    );
    await this.goesOn();
  }

  /** Lets everything expire that does. */
  async calmDown(): Promise<void> {
    for (let minute = 0; minute < 10; minute += 1) {
      this.clock.advance(30_000);
      await this.goesOn();
    }
  }

  async stop(): Promise<void> {
    this.witness.destroy();
    await this.chat.close();
  }

  private async goesOn(): Promise<void> {
    this.batches += 1;
    await until('only the witness is left', () => this.chat.registry.connections().length === 1);
    this.clock.advance(3_000);
    const answer = await within(
      'the ack of the witness',
      this.witness.request({ type: 'message', text: 'still here' }),
    );
    if (answer.type !== 'ack') throw new Error(`the witness got ${shown(answer)}`);
    const polluted = Object.keys(Object.prototype).concat('polluted' in {} ? ['polluted'] : []);
    if (polluted.length > 0) throw new Error(`Object.prototype has got ${polluted.join()}`);
    if (this.surprises.length > 0) throw new Error(`unexpected: ${this.surprises.splice(0).join('\n')}`);
    // What the fixtures note of every batch is no memory of the server's.
    this.chat.policy.asked.length = 0;
  }
}

/** Messages that have no answer, as far as the answers tell whose they are. */
function missing(sent: readonly FuzzedFrame[], answers: readonly AnyFrame[]): FuzzedFrame[] {
  const left = countById(answers);
  return sent.filter((frame) => {
    const { id, least } = dueFor(frame);
    if (least === 0) return false;
    left.set(id, (left.get(id) ?? 0) - 1);
    return left.get(id)! < 0;
  });
}

/** Answers that no message can have. `joined`, `left`, `pong` and what has no id also come without a fault. */
function surplus(sent: readonly FuzzedFrame[], answers: readonly AnyFrame[]): AnyFrame[] {
  const left = new Map<string | undefined, number>();
  for (const frame of sent) {
    const { id, most } = dueFor(frame);
    left.set(id, (left.get(id) ?? 0) + most);
  }
  return answers.filter((answer) => {
    if (answer.id === undefined && answer.type !== 'error') return false;
    left.set(answer.id, (left.get(answer.id) ?? 0) - 1);
    return left.get(answer.id)! < 0;
  });
}

/** Without an id only errors tell that they are answers. */
function countById(answers: readonly AnyFrame[]): Map<string | undefined, number> {
  const counts = new Map<string | undefined, number>();
  for (const { id, type } of answers) {
    if (id !== undefined || type === 'error') counts.set(id, (counts.get(id) ?? 0) + 1);
  }
  return counts;
}

function isKnown({ type, code }: AnyFrame): boolean {
  return type !== 'error' || (code !== 'internal' && Object.hasOwn(errorCodeTable, code ?? ''));
}

function codeOf({ payload }: RawMessage): number {
  return payload.length >= 2 ? payload.readUInt16BE(0) : 1005;
}

function shown(value: unknown): string {
  return JSON.stringify(value).slice(0, 4_000);
}

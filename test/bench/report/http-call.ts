import { type Agent, request } from 'node:http';

/** One request as it can be sent again. */
export interface HttpCall {
  readonly method: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

/** Sends it and reads the whole answer; gives that and the milliseconds it took. Rejects unless the status is 200. */
export function timeCall(
  agent: Agent,
  { method, url, headers, body }: HttpCall,
): Promise<{ ms: number; answer: Buffer }> {
  return new Promise((resolve, reject) => {
    const startedAt = performance.now();
    const call = request(url, { method, headers, agent }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () => {
        const ms = performance.now() - startedAt;
        const answer = Buffer.concat(chunks);
        if (response.statusCode === 200) resolve({ ms, answer });
        else reject(new Error(`${url} answered ${response.statusCode}: ${answer.toString().slice(0, 500)}`));
      });
    });
    call.on('error', reject);
    call.end(body);
  });
}

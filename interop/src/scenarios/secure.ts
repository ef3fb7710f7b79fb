/** RFC 6455 §3, §10.6: the same over TLS, with a certificate that signs itself. */
import assert from 'node:assert/strict';
import { binary, text } from '../contents.ts';
import { assertContent, closingOf, type Scenario } from '../scenario.ts';

export const SECURE: readonly Scenario[] = [
  {
    title: 'messages both ways over TLS (§10.6)',
    needs: ['speaks TLS'],
    run: async (stage) => {
      const { certificate } = stage.certificate;
      const pair = await stage.open({
        server: stage.certificate,
        client: { certificate },
      });
      const { ours, theirs } = pair;
      for (const content of [text('secret 🔒'), binary(65_536), binary(1_048_576)]) {
        await ours.send(content);
        assertContent(await theirs.messages.next(), content);
        await theirs.send(content);
        assertContent(await ours.messages.next(), content);
      }
      await ours.close(1000, 'done');
      const { code, reason } = await closingOf(theirs);
      assert.deepEqual({ code, reason }, { code: 1000, reason: 'done' });
    },
  },
  {
    title: 'a certificate that nobody trusts is refused (§10.6)',
    needs: ['speaks TLS'],
    run: async (stage) => {
      const listener = await stage.listen(stage.certificate);
      const dialling = stage.dial({ url: `wss://127.0.0.1:${listener.port}/` });
      await assert.rejects(dialling, /certificate|verify|self.signed|the browser saw 1006/i);
    },
  },
];

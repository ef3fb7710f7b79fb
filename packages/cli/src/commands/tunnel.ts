/** `framewire tunnel`: a reverse proxy over WebSocket. */
import { Command } from 'commander';
import type { ExitCode } from '../exit-codes.ts';
import { tunnelAgentCommand } from './tunnel-agent.ts';
import { tunnelDemoCommand } from './tunnel-demo.ts';
import { tunnelPasswordCommand, tunnelTokenCommand } from './tunnel-secrets.ts';
import { tunnelRelayCommand } from './tunnel-relay.ts';

export function tunnelCommand(finish: (code: ExitCode) => void): Command {
  return new Command('tunnel')
    .summary('reach a service behind a firewall by a name')
    .description(
      'A reverse proxy: a relay that the world can reach, and agents that dial out to it.',
    )
    .addCommand(tunnelRelayCommand(finish))
    .addCommand(tunnelAgentCommand(finish))
    .addCommand(tunnelTokenCommand(finish))
    .addCommand(tunnelPasswordCommand(finish))
    .addCommand(tunnelDemoCommand(finish));
}

/**
 * Which minions a target stands for: those whose keys are accepted, with what is known of their grains and pillar.
 */
import { SaltbusError } from '../../errors.ts';
import { compileTarget, resolveTarget } from '../../target/index.ts';
import type { MinionFacts, Nodegroups, ResolvedTarget, Target, TargetSpec } from '../../target/index.ts';
import type { ExactValue } from '../../codec/msgpack/values.ts';
import type { KeyStore } from './keys/index.ts';
import type { MinionMaps } from './pillar/minion-maps.ts';

/** What is known of minions. */
export interface MinionDirectoryParts {
  readonly store: Pick<KeyStore, 'ids' | 'acceptedKey'>;
  /** `undefined` when `minion_data_cache` is off: targets by grains match nobody then, as in Salt. */
  readonly grains: MinionMaps | undefined;
  /** The pillar that each was last given, in memory only. */
  readonly pillars: MinionMaps;
}

/** A target and whom it stands for. */
export interface FoundMinions extends ResolvedTarget {
  readonly target: Target;
}

/** Resolves targets. */
export class MinionDirectory {
  readonly #parts: MinionDirectoryParts;
  #nodegroups: Nodegroups;

  constructor(parts: MinionDirectoryParts, nodegroups: Nodegroups) {
    this.#parts = parts;
    this.#nodegroups = nodegroups;
  }

  /** Takes other node groups from now on. */
  setNodegroups(nodegroups: Nodegroups): void {
    this.#nodegroups = nodegroups;
  }

  /** @throws SaltbusError `ERR_SALTBUS_TARGET` or `ERR_SALTBUS_PATTERN` for a target that is none */
  resolve(spec: TargetSpec): FoundMinions {
    const target = compileTarget(spec, { nodegroups: this.#nodegroups });
    return { target, ...resolveTarget(target, this.#facts()) };
  }

  /**
   * The ids that a minion's request for the mine of others stands for; a target that is none stands for nobody.
   *
   * A compound that looks at pillar does too: its wildcards would let one minion guess at the secrets of another. (Salt
   * matches exactly there.)
   */
  forMine(tgt: ExactValue, type: string): readonly string[] {
    const isCompound = type.startsWith('compound');
    try {
      const found = this.resolve({ tgt, tgtType: isCompound ? 'compound' : type });
      return isCompound && found.target.needs.pillar ? [] : found.ids;
    } catch (error) {
      if (error instanceof SaltbusError) return [];
      throw error;
    }
  }

  *#facts(): Generator<MinionFacts> {
    const { store, grains, pillars } = this.#parts;
    for (const id of store.ids('accepted')) {
      if (store.acceptedKey(id) === undefined) continue;
      yield { id, grains: grains?.get(id), pillar: pillars.get(id) };
    }
  }
}

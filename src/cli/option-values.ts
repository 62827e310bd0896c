/**
 * Readers of option values that several commands share.
 */
import { InvalidArgumentError } from 'commander';

/** For an option that can be given again: adds a value to those before it. */
export function collect(value: string, before: readonly string[] = []): readonly string[] {
  return [...before, value];
}

/**
 * A whole number from 1 on.
 * @throws InvalidArgumentError
 */
export function positive(text: string): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || value < 1 || !Number.isSafeInteger(value)) {
    throw new InvalidArgumentError('It must be a whole number from 1 on.');
  }
  return value;
}

/**
 * A whole number within bounds.
 * @throws InvalidArgumentError
 */
export function wholeNumber(text: string, least: number, most: number): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || value < least || value > most) {
    throw new InvalidArgumentError(`It must be a whole number from ${least} to ${most}.`);
  }
  return value;
}

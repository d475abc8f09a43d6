import type { TestCase, TestModule } from 'vitest/node';

export type Result = Readonly<{
  id: string;
  level: 'MUST' | 'SHOULD' | 'MAY';
  category: string;
  title: string;
  status: 'pass' | 'fail' | 'skip';
  /** Why it failed or was skipped; empty for a pass. */
  message: string;
}>;

const NAME = /^([A-Z]\d+[a-z]?(?:\.\d+)?) (MUST|SHOULD|MAY) (.+)$/s;

/** @throws {Error} a test that is not a requirement, or an id used twice: neither could be reported. */
export function resultsOf(modules: readonly TestModule[]): Result[] {
  const results = modules.flatMap((module) => [...module.children.allTests()].map(resultOf));
  const ids = results.map(({ id }) => id);
  const twice = ids.find((id, at) => ids.indexOf(id) !== at);
  if (twice !== undefined) throw new Error(`two requirements have the id ${twice}`);
  return results.toSorted((a, b) => a.category.localeCompare(b.category) || compareIds(a.id, b.id));
}

function resultOf(test: TestCase): Result {
  const result = test.result();
  const named = { ...parseName(test.name), category: test.parent.type === 'suite' ? test.parent.name : '' };
  if (result.state === 'passed') return { ...named, status: 'pass', message: '' };
  if (result.state === 'skipped')
    return { ...named, status: 'skip', message: result.note ?? 'no reason given' };
  const messages = result.errors?.map(({ message }) => message) ?? [];
  return { ...named, status: 'fail', message: messages.join('; ') || 'did not run to its end' };
}

function parseName(name: string): Pick<Result, 'id' | 'level' | 'title'> {
  const [, id, level, title] = NAME.exec(name) ?? [];
  if (id === undefined || title === undefined) throw new Error(`not named like a requirement: ${name}`);
  return { id, level: level as Result['level'], title }; // the grammar allows nothing else
}

/** C9 before C10, C7a before C7b. */
function compareIds(a: string, b: string): number {
  return a.localeCompare(b, 'en', { numeric: true });
}

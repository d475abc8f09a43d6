/** What is wrong in a word, which only the outermost call knows. */
export class WordProblem extends Error {}

/** What a word became: one text, and the words in it. */
export type Expanded = Readonly<{ text: string; words: string[] }>;

/** Gathers a text and its words side by side. */
export class Words {
  readonly #text: string[] = [];
  readonly #words: string[] = [];
  readonly #maxLength: number;
  #word: string[] = [];
  #length = 0;

  constructor(maxLength: number) {
    this.#maxLength = maxLength;
  }

  /** Blanks in it end a word. */
  addSplit(text: string): void {
    this.#add(text);
    const parts = text.split(/\s+/);
    parts.forEach((part, index) => {
      if (index > 0) this.#endWord();
      if (part !== '') this.#word.push(part);
    });
  }

  addWhole(text: string): void {
    this.#add(text);
    this.#word.push(text);
  }

  end(): Expanded {
    this.#endWord();
    return { text: this.#text.join(''), words: this.#words };
  }

  #add(text: string): void {
    this.#length += text.length;
    if (this.#length > this.#maxLength)
      throw new WordProblem(`it expands to more than ${this.#maxLength} characters`);
    this.#text.push(text);
  }

  #endWord(): void {
    const word = this.#word.join('');
    if (word !== '') this.#words.push(word);
    this.#word = [];
  }
}

/// A shell for which completions can be made.
enum CompletionShell: String, CaseIterable {
  case bash
  case zsh
  case fish

  /// The script that teaches it oneoff.
  var script: String {
    switch self {
    case .bash: bashCompletions()
    case .zsh: zshCompletions()
    case .fish: fishCompletions()
    }
  }
}

/// `text` in single quotes for a POSIX shell.
private func quoted(_ text: String) -> String {
  var result = "'"
  for character in text {
    result += character == "'" ? "'\\''" : String(character)
  }
  return result + "'"
}

extension CommandOption {
  fileprivate var names: [String] { (letter.map { ["-\($0)"] } ?? []) + ["--\(name)"] }
}

// MARK: - bash(1)

private func bashCompletions() -> String {
  let verbs = Verb.visible
  let words = verbs.map(\.name) + Verb.globalOptions.map { "--\($0.name)" }
  return """
    # bash completion for oneoff; made by: oneoff completions bash
    _oneoff() {
        local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} word
        COMPREPLY=()
        if ((COMP_CWORD == 1)); then
            COMPREPLY=($(compgen -W \(quoted(words.joined(separator: " "))) -- "$cur"))
            return
        fi
        # bash takes --option=value apart.
        if [[ $cur == = ]]; then
            cur=
        elif [[ $prev == = ]]; then
            prev=${COMP_WORDS[COMP_CWORD-2]}
        fi
        for word in "${COMP_WORDS[@]:2:COMP_CWORD-2}"; do
            [[ $word == -- ]] && return
        done
        case ${COMP_WORDS[1]} in
    \(verbs.map(bashCase).joined())    esac
    }
    complete -o default -F _oneoff oneoff

    """
}

private func bashCase(_ verb: Verb) -> String {
  var text = "    \(verb.name))\n        case $prev in\n"
  for option in verb.options {
    guard let value = option.value else { continue }
    text += "        \(option.names.joined(separator: "|"))) "
    switch value.completion() {
    case .nothing: text += "compopt +o default; return ;;\n"
    case .files: text += "return ;;\n"
    case .directories:
      text += "compopt -o filenames; mapfile -t COMPREPLY < <(compgen -d -- \"$cur\"); return ;;\n"
    case .words(let words):
      text += "COMPREPLY=($(compgen -W \(quoted(words.joined(separator: " "))) -- \"$cur\"));"
      text += " return ;;\n"
    case .wordsOrFiles(let words):
      text += "compopt -o filenames; mapfile -t COMPREPLY < <(compgen -f "
      text += "-W \(quoted(words.joined(separator: " "))) -- \"$cur\"); return ;;\n"
    }
  }
  text += "        esac\n"
  let options = verb.options.map { "--\($0.name)" }.joined(separator: " ")
  text += "        if [[ $cur == -* ]]; then\n"
  text += "            COMPREPLY=($(compgen -W \(quoted(options)) -- \"$cur\"))\n"
  if let words = operandWords(of: verb) {
    text += "        else\n"
    text += "            COMPREPLY=($(compgen -W \(quoted(words)) -- \"$cur\"))\n"
  }
  return text + "        fi ;;\n"
}

/// The words that can follow a verb, apart by spaces; nil where they are files or commands.
private func operandWords(of verb: Verb) -> String? {
  guard case .words(let words) = verb.operandCompletion else { return nil }
  return words.joined(separator: " ")
}

// MARK: - zsh(1)

private func zshCompletions() -> String {
  let verbs = Verb.visible
  let list = verbs.map { quoted("\($0.name):\($0.summary)") }.joined(separator: " ")
  return """
    #compdef oneoff
    # zsh completion for oneoff; made by: oneoff completions zsh
    _oneoff() {
        local -a verbs=(\(list))
        if (( CURRENT == 2 )); then
            _describe -t verbs verb verbs
            _arguments \(Verb.globalOptions.flatMap(zshSpecs).joined(separator: " "))
            return
        fi
        local verb=$words[2]
        shift words
        (( CURRENT-- ))
        case $verb in
    \(verbs.map(zshCase).joined())    esac
    }
    if [[ $funcstack[1] == _oneoff ]]; then
        _oneoff "$@"
    else
        compdef _oneoff oneoff
    fi

    """
}

private func zshCase(_ verb: Verb) -> String {
  var specs = verb.options.flatMap(zshSpecs)
  if verb.operands?.contains("COMMAND") ?? false {
    specs.append("'(-):command: _command_names -e' '*::arguments: _normal'")
  } else if let words = operandWords(of: verb) {
    specs.append(quoted("1: :(\(words))"))
  }
  let lines = specs.joined(separator: " \\\n            ")
  return "    \(verb.name))\n        _arguments -s -S \(lines) ;;\n"
}

/// The option as _arguments takes it, once for each of its names.
private func zshSpecs(_ option: CommandOption) -> [String] {
  let exclusion =
    option.isRepeatable ? "*" : "(\(option.names.joined(separator: " ")))"
  return option.names.map { name in
    var spec = exclusion + name
    if option.value != nil { spec += name.hasPrefix("--") ? "=" : "+" }
    spec += "[\(zshEscaped(option.help))]"
    if let value = option.value {
      spec += ":\(zshEscaped(value.metavariable)):"
      switch value.completion() {
      case .nothing: break
      case .files: spec += "_files"
      case .directories: spec += "_files -/"
      case .words(let words): spec += "(\(words.joined(separator: " ")))"
      case .wordsOrFiles(let words):
        spec += "{compadd \(words.joined(separator: " ")); _files}"
      }
    }
    return quoted(spec)
  }
}

private func zshEscaped(_ text: String) -> String {
  text.map { "[]:\\".contains($0) ? "\\\($0)" : String($0) }.joined()
}

// MARK: - fish(1)

private func fishCompletions() -> String {
  var text = """
    # fish completion for oneoff; made by: oneoff completions fish
    function __oneoff_verb_is
        set -l words (commandline -opc)
        test (count $words) -gt 1; and test $words[2] = $argv[1]
    end
    function __oneoff_has_no_verb
        test (count (commandline -opc)) -eq 1
    end

    """
  for option in Verb.globalOptions { text += fishLine(option, condition: "__oneoff_has_no_verb") }
  for verb in Verb.visible {
    text += "complete -c oneoff -n __oneoff_has_no_verb -f -a \(verb.name)"
    text += " -d \(fishQuoted(verb.summary))\n"
    let condition = "'__oneoff_verb_is \(verb.name)'"
    for option in verb.options { text += fishLine(option, condition: condition) }
    if let words = operandWords(of: verb) {
      text += "complete -c oneoff -n \(condition) -f -a \(fishQuoted(words))\n"
    }
  }
  return text
}

private func fishLine(_ option: CommandOption, condition: String) -> String {
  var text = "complete -c oneoff -n \(condition)"
  if let letter = option.letter { text += " -s \(letter)" }
  text += " -l \(option.name)"
  if let value = option.value {
    switch value.completion() {
    case .nothing: text += " -x"
    case .files: text += " -r -F"
    case .directories: text += " -x -a '(__fish_complete_directories)'"
    case .words(let words): text += " -x -a \(fishQuoted(words.joined(separator: " ")))"
    case .wordsOrFiles(let words):
      text += " -r -F -a \(fishQuoted(words.joined(separator: " ")))"
    }
  }
  return text + " -d \(fishQuoted(option.help))\n"
}

/// `text` in single quotes for fish, where a backslash escapes the quote.
private func fishQuoted(_ text: String) -> String {
  "'" + text.map { "'\\".contains($0) ? "\\\($0)" : String($0) }.joined() + "'"
}

#pragma once

#include <algorithm>
#include <cstddef>
#include <ostream>
#include <string>
#include <vector>

namespace holdfast::control {

// Rows of text in columns as wide as they need; numbers to the right.
class Table {
 public:
  struct Column {
    std::string title;
    bool number = false;
  };
  explicit Table(std::vector<Column> columns) : columns_(std::move(columns)) {}

  void add(std::vector<std::string> row) { rows_.push_back(std::move(row)); }

  void print(std::ostream& out) const {
    std::vector<std::string> titles;
    for (const auto& column : columns_) titles.push_back(column.title);
    print(titles, out);
    for (const auto& row : rows_) print(row, out);
  }

 private:
  size_t width(size_t column) const {
    size_t widest = columns_[column].title.size();
    for (const auto& row : rows_) widest = std::max(widest, row[column].size());
    return widest;
  }
  void print(const std::vector<std::string>& row, std::ostream& out) const {
    for (size_t i = 0; i < row.size(); ++i) {
      const std::string room(width(i) - row[i].size(), ' ');
      if (i > 0) out << "  ";
      if (columns_[i].number)
        out << room << row[i];
      else
        out << row[i] << (i + 1 < row.size() ? room : "");
    }
    out << "\n";
  }

  std::vector<Column> columns_;
  std::vector<std::vector<std::string>> rows_;
};

}  // namespace holdfast::control
